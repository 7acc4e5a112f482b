/** Building: from nothing, with nothing changed, with one step of the user's changed. */
import { appendFile, cp } from 'node:fs/promises';
import { join } from 'node:path';
import type { Exec } from '../../src/engine/command.ts';
import { withTempDir } from '../../src/host/atomic.ts';
import { packageRoot } from '../../src/host/package-root.ts';
import { median, type Row } from './row.ts';
import { type TimedIso, timedIso } from './timed-iso.ts';

/** The spec that `npm run iso` builds by itself. */
const EXAMPLE = 'ha-pair';
const REPEATS = 3;

/** Phases that only wait for somebody else's server. */
const DOWNLOADS = [
  { of: 'Node', phase: /^rpm: downloading Node/ },
  { of: 'the package lists', phase: /^base: I: running apt-get update/ },
  { of: "Debian's essential packages", phase: /^base: I: downloading packages/ },
] as const;
/** apt downloads most of the packages here, and says nothing between the last of them and the first it unpacks. */
const MIXED = /^base: I: installing remaining packages/;

/** A build with an empty cache, without the time that was only downloading. */
export function benchCold(exec: Exec): Promise<readonly Row[]> {
  return withTempDir(async (dir) => {
    const built = await timedIso(exec, `examples/${EXAMPLE}.yaml`, join(dir, 'dist'), {
      SLIPWAY_CACHE: join(dir, 'cache'),
    });
    const downloads = DOWNLOADS.map(({ of, phase }) => ({ of, seconds: spentIn(built, phase) }));
    const downloading = downloads.reduce((sum, { seconds }) => sum + seconds, 0);
    const parts = downloads.map(({ of, seconds }) => `${of} ${seconds.toFixed(1)} s`).join(', ');
    const note =
      `${built.seconds.toFixed(1)} s in all, less ${parts}; still in it: the other packages, ` +
      `${spentIn(built, MIXED).toFixed(1)} s to download and install`;
    return [
      { name: 'npm run iso, nothing cached', value: built.seconds - downloading, unit: 's', bar: 150, note },
    ];
  });
}

/** Builds again, and the ISO itself. What is not in the cache yet is built first, unmeasured. */
export function benchRebuild(exec: Exec): Promise<readonly Row[]> {
  return withTempDir(async (dir) => {
    const out = join(dir, 'dist');
    const examples = join(dir, 'examples');
    await cp(join(packageRoot(), 'examples'), examples, { recursive: true });
    const build = (): Promise<TimedIso> => timedIso(exec, join(examples, `${EXAMPLE}.yaml`), out);
    const { bytes } = await build();

    const unchanged = await repeat(build);
    if (!unchanged.every(({ reused }) => reused)) throw new Error('a build without a change made a new ISO');

    const edited = await repeat(async (round) => {
      await appendFile(join(examples, 'steps', 'motd', 'apply'), `# edited, round ${round}\n`);
      return build();
    });
    if (edited.some(({ reused }) => reused)) throw new Error('a changed step made no new ISO');
    return [
      { name: 'npm run iso, nothing changed', ...middle(unchanged), bar: 2 },
      { name: 'npm run iso, one step edited', ...middle(edited), bar: 5 },
      { name: `${EXAMPLE}.iso`, value: bytes / 1e6, unit: 'MB', bar: 400 },
    ];
  });
}

async function repeat(build: (round: number) => Promise<TimedIso>): Promise<readonly TimedIso[]> {
  const built: TimedIso[] = [];
  for (let round = 1; round <= REPEATS; round++) built.push(await build(round));
  return built;
}

const middle = (built: readonly TimedIso[]): Pick<Row, 'value' | 'unit' | 'note'> => ({
  value: median(built.map(({ seconds }) => seconds)),
  unit: 's',
  note: `median of ${built.length}`,
});

const spentIn = ({ phases }: TimedIso, wanted: RegExp): number =>
  [...phases].filter(([phase]) => wanted.test(phase)).reduce((sum, [, seconds]) => sum + seconds, 0);
