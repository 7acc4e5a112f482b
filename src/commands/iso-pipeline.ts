/** `slipway iso`: from a spec to an ISO. */
import { join, resolve } from 'node:path';
import { sourceDateEpoch } from '../artefact/epoch.ts';
import { SIGNING_TOOLS } from '../artefact/sign.ts';
import { openCache } from '../host/cache.ts';
import { createExec } from '../host/exec.ts';
import { logFolder, pruneLogs } from '../host/log-folder.ts';
import { interruption } from '../host/signals.ts';
import { preflight } from '../host/tools.ts';
import type { IsoResult } from '../media/types.ts';
import { loadSpec } from '../spec/load.ts';
import type { Reporter } from '../task/events.ts';
import { jsonReporter, plainReporter } from '../task/line-reporters.ts';
import { type PipelineOptions, type RunTask, runPipeline } from '../task/pipeline.ts';
import type { TaskLabel } from '../task/task.ts';
import type { IsoOptions } from './iso.ts';
import { clusterOf, type KeyResult, keyTask, keyWords } from './iso-key.ts';
import { requireOffered } from './iso-packages.ts';
import { isPreviewEnd, previewCache, withPreviewPlaces } from './iso-preview.ts';
import {
  baseNeeds,
  baseTask,
  broughtAlong,
  ISO_TASKS,
  kickstartTask,
  mediaTask,
  planTask,
  rpmTask,
  specTask,
} from './iso-tasks.ts';
import {
  remasterTask,
  requireFittingRelease,
  type VendorBase,
  vendorBaseOf,
  vendorTask,
} from './iso-vendor.ts';
import { specFile } from './spec-file.ts';

export async function buildIso(given: string | undefined, options: IsoOptions): Promise<void> {
  const file = specFile(given);
  const out = resolve(options.out);
  if (options.dryRun) return previewIso(file, out, options);
  const { pipeline, cacheDir } = await preparePipeline(file, options);
  const order = { file, options, ledger: join(out, 'releases.json'), out };
  const result = await runPipeline(pipeline, (run) => isoFlow(run, order, pipeline.signal));
  await pruneLogs(cacheDir);
  const { key, ...iso } = result;
  if (options.json) {
    print(
      JSON.stringify({ event: 'finished', ...iso, ...(key === undefined ? {} : { keyMedium: key.path }) }),
    );
    return;
  }
  for (const line of [closingWords(iso), ...(key === undefined ? [] : keyWords(key))]) print(line);
}

async function previewIso(file: string, out: string, options: IsoOptions): Promise<void> {
  const { pipeline } = await preparePipeline(file, options);
  const preview: PipelineOptions = {
    ...pipeline,
    context(log, signal, say) {
      const { cache } = pipeline.context(log, signal, say);
      return { exec: createExec({ signal, dryRun: say }), cache: previewCache(cache), signal, preview: true };
    },
  };
  await withPreviewPlaces(out, async (places) => {
    try {
      const { reused, key } = await runPipeline(preview, (run) =>
        isoFlow(run, { file, options, ...places }, pipeline.signal),
      );
      if (reused && key?.made !== true && !options.json) print('nothing to do');
    } catch (error) {
      if (!isPreviewEnd(error)) throw error;
      if (!options.json) print(`${error.task}: what follows depends on what these commands make`);
    }
  });
}

/** What both ways of building share: where things are shown, kept and logged. */
export async function preparePipeline(file: string, options: IsoOptions) {
  const signal = interruption();
  const { dir: cacheDir } = openCache();
  const pipeline: PipelineOptions = {
    reporter: await chooseReporter(file, options),
    signal,
    logs: logFolder(cacheDir),
    context: (log, taskSignal) => ({
      exec: createExec({ signal: taskSignal, log }),
      cache: openCache(cacheDir, taskSignal),
      signal: taskSignal,
    }),
  };
  return { pipeline, cacheDir };
}

interface Order {
  readonly file: string;
  readonly options: IsoOptions;
  readonly ledger: string;
  /** Folder of the results. */
  readonly out: string;
}

interface BuiltIso extends IsoResult {
  /** Only for nodes that form a cluster. */
  readonly key?: KeyResult;
}

/** The flow of data, one way. The spec comes first: a mistake in it is told even where tools are missing. */
async function isoFlow(
  run: RunTask,
  { file, options, ledger, out }: Order,
  signal: AbortSignal,
): Promise<BuiltIso> {
  const epoch = sourceDateEpoch();
  const loaded = await run(specTask, file);
  const vendor = vendorBaseOf(loaded, options.base);
  requireFittingRelease(loaded, vendor);
  const plan = await run(planTask, loaded);
  const ha = clusterOf(plan);
  const signed = options.sign === undefined ? {} : { sign: options.sign };
  const kickstarts = await run(kickstartTask, { plan, signed: options.sign !== undefined });
  await preflight(
    [
      ...tasksOn(vendor, ha !== undefined).flatMap(({ tools }) => tools),
      ...(options.sign === undefined ? [] : SIGNING_TOOLS),
    ],
    createExec({ signal }),
  );
  const medium = vendor && (await run(vendorTask, { base: vendor, loaded }));
  const { runtime, repository, names } = await run(rpmTask, {
    ...{ steps: loaded.steps, rpms: loaded.media.rpms, ledger, cluster: plan.cluster, epoch, ...signed },
    offers: {
      repositories: medium?.repositories ?? [],
      elsewhere: loaded.spec.repositories.map(({ name }) => name),
    },
  });
  const common = {
    plan,
    kickstarts,
    repository: repository.dir,
    files: broughtAlong(loaded.media),
    out: join(out, `${plan.cluster}.iso`),
    ...(options.work === undefined || options.dryRun === true ? {} : { work: resolve(options.work) }),
    sourceDateEpoch: epoch,
  };
  const withKey = async (result: IsoResult): Promise<BuiltIso> =>
    ha === undefined ? result : { ...result, key: await run(keyTask, { cluster: plan.cluster, ha, out }) };
  if (medium !== undefined) {
    return withKey(
      await run(remasterTask, {
        ...common,
        base: medium.path,
        volumeId: loaded.spec.media.volumeId,
        checkMedium: options.checkMedium === true,
      }),
    );
  }
  const base = await run(baseTask, {
    rpms: [runtime.file],
    ...baseNeeds(plan, loaded.spec.base.packages),
    sourceDateEpoch: epoch,
  });
  requireOffered(loaded, [...names, ...Object.keys(base.packages)]);
  return withKey(await run(mediaTask, { ...common, base }));
}

const VENDOR_TASKS = [specTask, planTask, kickstartTask, vendorTask, rpmTask, remasterTask] as const;

const tasksOn = (vendor: VendorBase | undefined, clustered: boolean): readonly TaskLabel[] => [
  ...(vendor === undefined ? ISO_TASKS : VENDOR_TASKS),
  ...(clustered ? [keyTask] : []),
];

const print = (line: string): void => void process.stdout.write(`${line}\n`);

async function chooseReporter(file: string, { json, base }: IsoOptions): Promise<Reporter> {
  const write = (text: string): void => void process.stdout.write(text);
  if (json) return jsonReporter(write);
  if (!process.stdout.isTTY || process.env['CI'] !== undefined) return plainReporter(write);
  const { terminalReporter } = await import('../task/terminal-reporter.ts');
  // What is wrong with the spec is told by its task.
  const loaded = await loadSpec(file).catch(() => undefined);
  return terminalReporter(tasksOn(loaded && vendorBaseOf(loaded, base), loaded?.spec.ha !== undefined));
}

function closingWords({ iso, bytes, sha256, reused }: IsoResult): string {
  const size = `${Math.round(bytes / 1e6)} MB`;
  return `${iso}: ${reused ? 'unchanged, ' : ''}${size}, SHA-256 ${sha256}`;
}
