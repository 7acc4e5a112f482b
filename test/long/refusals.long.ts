/** What the installer must not do: it refuses before the first write, says why, offers a shell, and no disk changes. */
import assert from 'node:assert/strict';
import { copyFile, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseDocument } from 'yaml';
import { createExec } from '../../src/host/exec.ts';
import { packageRoot } from '../../src/host/package-root.ts';
import { rawImage } from '../../src/lab/disks.ts';
import type { LabDisk, LabMachineSpec } from '../../src/lab/engine.ts';
import { copyImage, difference } from '../../src/lab/prove/images.ts';
import { MEDIUM } from '../../src/media/types.ts';
import { Bench, buildExampleIso, choose, GIB, install, LIMIT } from '../helpers/qemu.ts';
import { makeTempDir } from '../helpers/tmp.ts';

const NODE = 'standalone';
const exec = createExec();

let out: string;
let iso: string;

interface Refusal {
  readonly title: string;
  /** Sizes of the disks in GiB. */
  readonly disks: readonly number[];
  /** Changes disks or medium before the machine is turned on. */
  prepare?(disks: readonly LabDisk[]): Promise<Partial<LabMachineSpec> | undefined>;
  /** What follows `slipway: failed standalone: `. */
  readonly says: RegExp;
}

const REFUSALS: readonly Refusal[] = [
  {
    title: 'a file system that nobody declared',
    disks: [8, 8],
    prepare: async ([, second]) => void (await run('mkfs.ext4', '-q', '-F', second?.file ?? '')),
    says: /refused-foreign-data: .*DISK2.*ext4/,
  },
  {
    title: 'a partition table that nobody declared',
    disks: [8, 8],
    prepare: async ([first]) => {
      await exec({
        file: 'sfdisk',
        args: ['--quiet', first?.file ?? ''],
        stdin: 'label: gpt\nsize=1GiB\n',
        effect: 'write',
      });
      return undefined;
    },
    says: /refused-foreign-data: .*DISK1.*gpt/,
  },
  { title: 'one disk where two are declared', disks: [8], says: /config-invalid: .*1 disks? match/ },
  { title: 'three disks where two are declared', disks: [8, 8, 8], says: /config-invalid: .*3 disks? match/ },
  { title: 'disks that are too small', disks: [8, 3], says: /config-invalid: .*1 disks? match/ },
  {
    title: 'the install stick in place of a missing disk',
    disks: [8],
    prepare: async () => {
      const stick = join(out, 'stick.iso');
      await copyFile(iso, stick);
      await truncate(stick, 8 * GIB);
      return { medium: { kind: 'usb', file: stick } };
    },
    says: /config-invalid: .*1 disks? match/,
  },
  {
    title: 'a kickstart that does not parse',
    disks: [8, 8],
    prepare: async () => ({ medium: { kind: 'cd', file: await withBrokenKickstart() } }),
    says: /config-invalid: .*standalone\.ks:3:1: /,
  },
];

describe('an installation that must not begin', () => {
  before('build the ISO', async function () {
    this.timeout(LIMIT.build);
    out = makeTempDir('slipway-refusals-');
    iso = await buildExampleIso('standalone-raid1', out);
  });
  after(() => rm(out, { recursive: true, force: true }));

  for (const { title, disks: sizes, prepare, says } of REFUSALS) {
    it(`refuses ${title}`, async function () {
      this.timeout(LIMIT.settled);
      const bench = await Bench.create({ disks: sizes.length, firmware: 'bios' });
      try {
        await Promise.all(bench.disks.map(({ file }, i) => truncate(file, (sizes[i] ?? 8) * GIB)));
        const change = (await prepare?.(bench.disks)) ?? {};
        const before = await snapshots(bench.disks);
        const machine = await bench.start({ medium: { kind: 'cd', file: iso }, ...change });
        await choose(machine, '1');
        const line = await machine.waitForLine(/slipway: failed /, LIMIT.install, 'expected');
        assert.match(line, new RegExp(`slipway: failed ${NODE}: ${says.source}`));
        await machine.waitForLine(/a shell follows/, LIMIT.boot, 'expected');
        machine.type('\r');
        await machine.waitForLine(/root@slipway-installer/, LIMIT.boot, 'expected');
        await bench.end();
        await assertUnchanged(bench.disks, before);
      } finally {
        await bench.clear(false);
      }
    });
  }

  it('refuses two disks that answer to the one serial number declared', async function () {
    this.timeout(LIMIT.build + LIMIT.settled);
    const named = await isoOfDisksBySerial();
    const bench = await Bench.create({ disks: 3, firmware: 'bios' });
    try {
      const [first, second, third] = bench.disks;
      assert.ok(first !== undefined && second !== undefined && third !== undefined);
      const disks = [first, second, { ...third, serial: first.serial }];
      const before = await snapshots(disks);
      const machine = await bench.start({ medium: { kind: 'cd', file: named }, disks });
      await choose(machine, '1');
      const line = await machine.waitForLine(/slipway: failed /, LIMIT.install, 'expected');
      assert.match(line, /config-invalid: .*2 disks have the serial DISK1/);
      await bench.end();
      await assertUnchanged(disks, before);
    } finally {
      await bench.clear(false);
    }
  });

  it('refuses when a disk is pulled out after it was judged and before it is partitioned', async function () {
    this.timeout(LIMIT.settled);
    const bench = await Bench.create({ disks: 2, firmware: 'bios', bus: 'scsi' });
    try {
      const [first, second] = bench.disks;
      assert.ok(first !== undefined && second !== undefined);
      const before = await snapshots(bench.disks);
      const machine = await bench.start({ medium: { kind: 'cd', file: iso } });
      await choose(machine, '1');
      await machine.waitForLine(new RegExp(`slipway: ${NODE} installs on `), LIMIT.install);
      await machine.unplug(second);
      await machine.waitForLine(/slipway: failed /, LIMIT.install, 'expected');
      await machine.waitForLine(/a shell follows/, LIMIT.boot, 'expected');
      await bench.end();
      await assertUnchanged([first, second], before);
    } finally {
      await bench.clear(false);
    }
  });

  it('leaves a disk that nobody declared as it is, byte for byte, while it installs on the others', async function () {
    this.timeout(LIMIT.installed);
    const bench = await Bench.create({ disks: 3, firmware: 'bios' });
    try {
      const third = bench.disks.slice(2);
      for (const { file } of third) {
        await truncate(file, 2 * GIB);
        await run('mkfs.ext4', '-q', '-F', file);
      }
      const before = await snapshots(third);
      await install(bench, { kind: 'cd', file: iso }, '1', NODE);
      await bench.end();
      await assertUnchanged(third, before);
    } finally {
      await bench.clear(false);
    }
  });
});

async function run(file: string, ...args: readonly string[]): Promise<void> {
  await exec({ file, args, effect: 'write' });
}

/** What the disks hold now. */
async function snapshots(disks: readonly LabDisk[]): Promise<readonly string[]> {
  return Promise.all(
    disks.map(async ({ file }) => {
      await copyImage(exec, file, `${file}.before`);
      return `${file}.before`;
    }),
  );
}

async function assertUnchanged(disks: readonly LabDisk[], before: readonly string[]): Promise<void> {
  for (const [i, { file }] of disks.entries()) {
    const changed = await difference(exec, rawImage(file), rawImage(before[i] ?? ''));
    assert.equal(changed, undefined, `disk ${i + 1} has changed`);
  }
}

/** The example, with its two disks named by their serial numbers. */
async function isoOfDisksBySerial(): Promise<string> {
  const spec = await readFile(join(packageRoot(), 'examples', 'standalone-raid1.yaml'), 'utf8');
  const document = parseDocument(spec);
  document.setIn(['nodes', 0, 'disks'], [{ serial: 'DISK1' }, { serial: 'DISK2' }]);
  document.deleteIn(['steps']);
  const file = join(out, 'by-serial.yaml');
  await writeFile(file, document.toString());
  await exec({
    file: process.execPath,
    args: [join(packageRoot(), 'lib', 'cli.js'), 'iso', file, '--out', join(out, 'by-serial')],
    effect: 'write',
    timeoutMs: LIMIT.build,
  });
  return join(out, 'by-serial', 'standalone-raid1.iso');
}

/** The same medium with a word in the node's kickstart that no release knows. */
async function withBrokenKickstart(): Promise<string> {
  const broken = join(out, 'broken.iso');
  const ks = join(out, 'broken.ks');
  const path = `/${MEDIUM.kickstart(NODE)}`;
  await rm(broken, { force: true });
  await rm(ks, { force: true });
  await run('xorriso', '-osirrox', 'on', '-indev', iso, '-extract', path, ks);
  const lines = (await readFile(ks, 'utf8')).split('\n');
  await rm(ks);
  await writeFile(ks, [...lines.slice(0, 2), 'partitoin / --size=1', ...lines.slice(2)].join('\n'));
  await run('xorriso', '-indev', iso, '-outdev', broken, '-boot_image', 'any', 'replay', '-update', ks, path);
  return broken;
}
