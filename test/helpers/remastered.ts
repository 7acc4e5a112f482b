/** Remastered media for tests: the plan of an example on a base in miniature, audited before it is answered. */
import { join } from 'node:path';
import { FailedError } from '../../src/errors/exit.ts';
import { openCache } from '../../src/host/cache.ts';
import { createExec } from '../../src/host/exec.ts';
import { type AuditReport, auditImage } from '../../src/media/audit/audit.ts';
import { type RemasterDeps, type RemasterInputs, remasterIso } from '../../src/media/remaster/remaster.ts';
import type { IsoResult } from '../../src/media/types.ts';
import type { MediaPlan } from '../../src/plan/types.ts';
import { examplePlan, standInBase, tinyInputs } from './tiny-base.ts';

export interface RemasterWishes extends Partial<Omit<RemasterInputs, 'plan'>> {
  readonly media?: Partial<MediaPlan>;
}

/** Remasters `base` with the plan of the pair into `dir/out`. The audit must find nothing. */
export async function remasterBase(
  dir: string,
  base: string,
  { media, ...inputs }: RemasterWishes = {},
  deps: Partial<RemasterDeps> = {},
): Promise<IsoResult & { readonly report: AuditReport | undefined }> {
  const plan = await examplePlan('ha-pair', media);
  const tiny = await tinyInputs(dir, plan, await standInBase(join(dir, 'unused')));
  let report: AuditReport | undefined;
  const result = await remasterIso(
    {
      ...{ plan, kickstarts: tiny.kickstarts, repository: tiny.repository, files: [], base },
      ...{ volumeId: undefined, checkMedium: false, out: tiny.out, sourceDateEpoch: tiny.sourceDateEpoch },
      ...inputs,
    },
    {
      ...{ exec: createExec(), cache: openCache(join(dir, 'cache')), version: '0.0.0' },
      async audit(iso) {
        report = await auditImage(iso, { judgeKickstart: () => [], checksum: true, base });
        const [first] = report.findings;
        if (first !== undefined) throw new FailedError(`${first.where}: ${first.message}`);
      },
      ...deps,
    },
  );
  return { ...result, report };
}
