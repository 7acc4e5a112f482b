/** The runner's command line. */
import { parseArgs } from 'node:util';
import { PLATFORMS, type Platform } from './expand.ts';
import { TIERS, type Tier } from './tiers.ts';

export interface Options {
  /** Checkout of the suite. */
  readonly suite: string;
  readonly tests: readonly string[];
  readonly platform: Platform;
  /** Tests at a time. */
  readonly jobs: number;
  readonly timeoutMs: number;
  /** Folder for results and consoles; `dist` when not given. */
  readonly out?: string;
  /** Built from an example when not given. */
  readonly iso?: string;
  readonly resume: boolean;
  readonly record: boolean;
  readonly boot: boolean;
  readonly keepDisks: boolean;
}

const ALL: readonly Tier[] = ['A', 'B', 'C', 'D'];
const platforms: readonly Platform[] = Object.values(PLATFORMS);

/** @throws {RangeError} that says what is wrong with the command line. */
export function parseArguments(args: readonly string[]): Options {
  const { values, positionals } = parseArgs({
    args: [...args],
    options: {
      suite: { type: 'string' },
      only: { type: 'string', multiple: true, default: [] },
      tier: { type: 'string', multiple: true, default: [] },
      jobs: { type: 'string', default: '1' },
      platform: { type: 'string', default: 'rhel10' },
      timeout: { type: 'string', default: '600' },
      iso: { type: 'string' },
      out: { type: 'string' },
      resume: { type: 'boolean', default: false },
      record: { type: 'boolean', default: false },
      boot: { type: 'boolean', default: false },
      keep: { type: 'boolean', default: false },
    },
    allowPositionals: true,
  });
  if (values.suite === undefined) throw new RangeError('--suite DIR: name a checkout of kickstart-tests');
  if (positionals.length > 0 && values.only.length === 0) {
    throw new RangeError(`'${positionals[0]}': names of tests follow --only`);
  }
  const only = [...values.only, ...positionals];
  if (only.length > 0 && values.tier.length > 0) throw new RangeError('--only and --tier exclude each other');
  const platform = platforms.find(({ name }) => name === values.platform);
  if (platform === undefined) {
    throw new RangeError(
      `--platform ${values.platform}: known are ${platforms.map(({ name }) => name).join(', ')}`,
    );
  }
  return {
    suite: values.suite,
    tests: only.length > 0 ? only : tiersNamed(values.tier).flatMap((tier) => TIERS[tier]),
    platform,
    jobs: whole(values.jobs, '--jobs'),
    timeoutMs: whole(values.timeout, '--timeout') * 1000,
    ...(values.out === undefined ? {} : { out: values.out }),
    ...(values.iso === undefined ? {} : { iso: values.iso }),
    resume: values.resume,
    record: values.record,
    boot: values.boot,
    keepDisks: values.keep,
  };
}

function tiersNamed(names: readonly string[]): readonly Tier[] {
  const unknown = names.find((name) => !ALL.some((tier) => tier === name));
  if (unknown !== undefined) throw new RangeError(`--tier ${unknown}: there are ${ALL.join(', ')}`);
  return names.length === 0 ? ALL : ALL.filter((tier) => names.includes(tier));
}

function whole(text: string, option: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new RangeError(`${option} ${text}: a whole number from 1`);
  return value;
}
