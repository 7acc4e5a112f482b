/**
 * Remastering a vendor's medium: a synthetic one of EL9's layout and size, since vendors' own are not ours to pass on.
 * mkksiso runs beside it on the same base when `MKKSISO_CHECKOUT` names a checkout of lorax; as root, which it needs.
 * `MKKSISO_PATH` is searched for its `mkefiboot` first.
 */
import { access, mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Exec } from '../../src/engine/command.ts';
import { withTempDir } from '../../src/host/atomic.ts';
import { openCache } from '../../src/host/cache.ts';
import { auditImage } from '../../src/media/audit/audit.ts';
import { remasterIso } from '../../src/media/remaster/remaster.ts';
import { examplePlan, standInBase, tinyInputs } from '../../test/helpers/tiny-base.ts';
import { vendorBase } from '../../test/helpers/vendor-bases.ts';
import { median, type Row, secondsSince } from './row.ts';

const PAYLOAD_BYTES = 1.85e9;
const REPEATS = 3;
const TIMEOUT_MS = 10 * 60_000;

interface Round {
  readonly dir: string;
  readonly base: string;
  readonly exec: Exec;
}

export function benchRemaster(exec: Exec): Promise<readonly Row[]> {
  return withTempDir(async (dir) => {
    const base = await vendorBase(dir, { layout: 'el9', payloadBytes: PAYLOAD_BYTES }, exec);
    await rm(join(dir, 'tree'), { recursive: true });
    const round: Round = { dir, base, exec };
    const checkout = process.env['MKKSISO_CHECKOUT'];
    const [first] = await timed(1, (n) => remaster(round, n), round);
    const copies = await timed(REPEATS, () => run(round, 'cp', base, join(dir, 'copy.iso')), round);
    const digests = await timed(REPEATS, () => run(round, 'md5sum', base), round);
    const peers = checkout === undefined ? [] : await timed(REPEATS, () => mkksiso(round, checkout), round);
    const changed = await timed(REPEATS, (n) => remaster(round, n + 1), round);
    const floor = median(copies) + median(digests);
    const beside = (part: number) =>
      peers.length === 0 ? {} : { bar: Number((part * median(peers)).toFixed(1)) };
    return [
      {
        ...{ name: 'remaster 1.85 GB, first time', value: first ?? 0, unit: 's' },
        ...{
          bar: Number((1.5 * floor).toFixed(1)),
          note: 'with the check of the base; bar: 1.5 × (cp + md5sum)',
        },
      },
      {
        name: 'remaster beside mkksiso',
        value: first ?? 0,
        unit: 's',
        ...beside(0.5),
        note: 'bar: half of mkksiso',
      },
      {
        ...{ name: 'remaster, a step changed', value: median(changed), unit: 's', ...beside(0.25) },
        note: `median of ${REPEATS}; bar: a quarter of mkksiso`,
      },
      { name: 'cp + md5sum of the same', value: floor, unit: 's', note: `medians of ${REPEATS}` },
      ...(peers.length === 0
        ? []
        : [{ name: 'mkksiso with checksum', value: median(peers), unit: 's', note: `median of ${REPEATS}` }]),
    ];
  });
}

/** Seconds of each round; what it wrote is removed, and on the disk, before the next one. */
async function timed(
  rounds: number,
  work: (n: number) => Promise<unknown>,
  { exec }: Round,
): Promise<readonly number[]> {
  const took: number[] = [];
  for (let n = 0; n < rounds; n++) {
    await exec({ file: 'sync', args: [], effect: 'read', timeoutMs: TIMEOUT_MS });
    const begun = performance.now();
    await work(n);
    took.push(secondsSince(begun));
  }
  return took;
}

const run = ({ exec }: Round, file: string, ...args: readonly string[]) =>
  exec({ file, args, effect: 'write', timeoutMs: TIMEOUT_MS });

/** What `slipway iso` does from the finished packages on. The kickstarts say which round it is: each is a new ISO. */
async function remaster({ dir, base, exec }: Round, n: number): Promise<void> {
  const plan = await examplePlan('ha-pair');
  const tiny = await tinyInputs(dir, plan, await standInBase(join(dir, 'unused')));
  const kickstarts = plan.nodes.map(({ name }) => ({ node: name, text: `# round ${n}\n` }));
  const { iso } = await remasterIso(
    {
      ...{ plan, kickstarts, repository: tiny.repository, files: [], base, volumeId: undefined },
      ...{ checkMedium: false, out: tiny.out, sourceDateEpoch: tiny.sourceDateEpoch },
    },
    {
      ...{ exec, cache: openCache(join(dir, 'cache')), version: 'bench' },
      async audit(path) {
        const { verdict } = await auditImage(path, { judgeKickstart: () => [], checksum: false, base });
        if (verdict === 'failure') throw new Error('the result is not sound');
      },
    },
  );
  await access(iso);
}

/** Needs root, loop devices and a kernel with vfat, like mkefiboot that it calls. */
async function mkksiso({ dir, base, exec }: Round, checkout: string): Promise<void> {
  const out = join(dir, 'peer', 'peer.iso');
  await rm(join(dir, 'peer'), { recursive: true, force: true });
  await mkdir(join(dir, 'peer'));
  const kickstart = join(dir, 'peer', 'ks.cfg');
  await writeFile(kickstart, 'text\n');
  const bin = join(checkout, 'src', 'bin');
  await exec({
    file: 'python3',
    args: [join(bin, 'mkksiso'), '--ks', kickstart, base, out],
    effect: 'write',
    timeoutMs: TIMEOUT_MS,
    env: {
      PYTHONPATH: join(checkout, 'src'),
      PATH: `${process.env['MKKSISO_PATH'] ?? bin}:${process.env['PATH']}`,
    },
  });
}
