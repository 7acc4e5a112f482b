/** What bare machines start from: the embedded base, as the ISO of this spec would have it. */
import { dirname, join, resolve } from 'node:path';
import { sourceDateEpoch } from '../artefact/epoch.ts';
import type { BaseArtefact } from '../media/types.ts';
import { makePlan } from '../plan/plan.ts';
import { runPipeline } from '../task/pipeline.ts';
import { preparePipeline } from './iso-pipeline.ts';
import { baseNeeds, baseTask, rpmTask, specTask } from './iso-tasks.ts';

export async function buildLabBase(file: string, out: string): Promise<BaseArtefact> {
  const { pipeline } = await preparePipeline(file, { out });
  return runPipeline(pipeline, async (run) => {
    const epoch = sourceDateEpoch();
    const { spec, steps, media } = await run(specTask, file);
    const { runtime } = await run(rpmTask, {
      ...{ steps, rpms: media.rpms, cluster: spec.cluster, epoch },
      ledger: join(resolve(out), 'releases.json'),
    });
    return run(baseTask, {
      ...baseNeeds(makePlan(spec, dirname(file)), spec.base.packages),
      rpms: [runtime.file],
      sourceDateEpoch: epoch,
    });
  });
}
