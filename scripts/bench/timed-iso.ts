/** `npm run iso`, timed: the call users make, read through its `--json` events. */
import { z } from 'zod';
import type { Exec } from '../../src/engine/command.ts';
import { packageRoot } from '../../src/host/package-root.ts';
import { secondsSince } from './row.ts';

export interface TimedIso {
  /** Wall clock from `npm` to its end. */
  readonly seconds: number;
  readonly bytes: number;
  readonly iso: string;
  /** Whether the ISO was there already. */
  readonly reused: boolean;
  /** Seconds by what was said when they began: `rpm: downloading Node …`, `base: I: extracting archives...`. */
  readonly phases: ReadonlyMap<string, number>;
}

const finished = z.object({
  event: z.literal('finished'),
  iso: z.string(),
  bytes: z.number(),
  reused: z.boolean(),
});
const told = z.object({
  event: z.enum(['started', 'output', 'done', 'failed']),
  task: z.string(),
  line: z.string().optional(),
});

/** A build that takes longer has hung. */
const TIMEOUT_MS = 30 * 60_000;

export async function timedIso(
  exec: Exec,
  spec: string,
  out: string,
  env: Readonly<Record<string, string>> = {},
): Promise<TimedIso> {
  const begun = performance.now();
  const phases = new Map<string, number>();
  let phase = 'npm';
  let since = begun;
  let result: z.infer<typeof finished> | undefined;
  await exec(
    {
      file: 'npm',
      args: ['run', '--silent', 'iso', '--', spec, '--out', out, '--json'],
      cwd: packageRoot(),
      effect: 'write',
      timeoutMs: TIMEOUT_MS,
      env,
    },
    (line) => {
      const event = parseEvent(line);
      const last = finished.safeParse(event);
      if (last.success) result = last.data;
      const heard = told.safeParse(event);
      if (!heard.success) return;
      phases.set(phase, (phases.get(phase) ?? 0) + secondsSince(since));
      since = performance.now();
      phase = `${heard.data.task}: ${heard.data.line ?? heard.data.event}`;
    },
  );
  if (result === undefined) throw new Error('npm run iso ended without saying what it made');
  return { seconds: secondsSince(begun), ...result, phases };
}

/** Lines of the setup before the build are no events. */
function parseEvent(line: string): unknown {
  if (!line.startsWith('{')) return undefined;
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
