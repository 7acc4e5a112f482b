/** `slipway iso`: from a spec to an ISO. */
import { join, resolve } from 'node:path';
import { sourceDateEpoch } from '../artefact/epoch.ts';
import { MissingError } from '../errors/exit.ts';
import { openCache } from '../host/cache.ts';
import { createExec } from '../host/exec.ts';
import { logFolder, pruneLogs } from '../host/log-folder.ts';
import { interruption } from '../host/signals.ts';
import { preflight } from '../host/tools.ts';
import type { IsoResult } from '../media/types.ts';
import type { Reporter } from '../task/events.ts';
import { jsonReporter, plainReporter } from '../task/line-reporters.ts';
import { type RunTask, runPipeline } from '../task/pipeline.ts';
import type { IsoOptions } from './iso.ts';
import { baseTask, ISO_TASKS, kickstartTask, mediaTask, planTask, rpmTask, specTask } from './iso-tasks.ts';
import { specFile } from './spec-file.ts';

export async function buildIso(given: string | undefined, options: IsoOptions): Promise<void> {
  if (options.base !== undefined) {
    throw new MissingError(
      "this version of slipway cannot build on a vendor's medium yet",
      'leave --base out to build on the embedded base',
    );
  }
  const signal = interruption();
  const cache = openCache(undefined, signal);
  const print = (line: string): void => void process.stdout.write(`${line}\n`);
  const result = await runPipeline(
    {
      reporter: await chooseReporter(options),
      signal,
      logs: logFolder(cache.dir),
      context: (log, taskSignal) => ({
        exec: createExec({ signal: taskSignal, log }),
        cache: openCache(cache.dir, taskSignal),
        signal: taskSignal,
      }),
    },
    (run) => isoFlow(run, specFile(given), resolve(options.out), signal),
  );
  await pruneLogs(cache.dir);
  if (options.json) print(JSON.stringify({ event: 'finished', ...result }));
  else print(closingWords(result));
}

/** The flow of data, one way. The spec comes first: a mistake in it is told even where tools are missing. */
async function isoFlow(run: RunTask, file: string, out: string, signal: AbortSignal): Promise<IsoResult> {
  const epoch = sourceDateEpoch();
  const loaded = await run(specTask, file);
  const plan = await run(planTask, loaded);
  const kickstarts = await run(kickstartTask, plan);
  await preflight(
    ISO_TASKS.flatMap(({ tools }) => tools),
    createExec({ signal }),
  );
  const { runtime, repository } = await run(rpmTask, {
    steps: loaded.steps,
    out,
    cluster: plan.cluster,
    epoch,
  });
  const base = await run(baseTask, { rpms: [runtime.file], sourceDateEpoch: epoch });
  return run(mediaTask, {
    plan,
    kickstarts,
    repository: repository.dir,
    base,
    out: join(out, `${plan.cluster}.iso`),
    sourceDateEpoch: epoch,
  });
}

async function chooseReporter({ json }: IsoOptions): Promise<Reporter> {
  const write = (text: string): void => void process.stdout.write(text);
  if (json) return jsonReporter(write);
  if (!process.stdout.isTTY || process.env['CI'] !== undefined) return plainReporter(write);
  const { terminalReporter } = await import('../task/terminal-reporter.ts');
  return terminalReporter(ISO_TASKS);
}

function closingWords({ iso, bytes, sha256, reused }: IsoResult): string {
  const size = `${Math.round(bytes / 1e6)} MB`;
  return `${iso}: ${reused ? 'unchanged, ' : ''}${size}, SHA-256 ${sha256}`;
}
