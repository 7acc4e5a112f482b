import { join } from 'node:path';
import type { Context } from '../host/context.ts';
import { obtainNodeRuntime } from './node-runtime.ts';
import { describePostinstall, describeRuntime, type PackagedStep } from './packages.ts';
import { readLedger, recordContent, releaseOf, writeLedger } from './release.ts';
import { buildRepository, REPOSITORY_TOOLS, type Repository } from './repository.ts';
import { buildRpm, contentHash, RPM_TOOLS, type Rpm } from './rpm.ts';

export interface ArtefactInputs {
  readonly steps: readonly PackagedStep[];
  /** Folder of the results; the ledger of releases lies there too. */
  readonly out: string;
  /** Name of the cluster: each counts its own releases. */
  readonly cluster: string;
  /** Seconds. */
  readonly epoch: number;
}

export interface Artefacts {
  readonly runtime: Rpm;
  readonly postinstall: Rpm;
  readonly repository: Repository;
}

export const ARTEFACT_TOOLS = [...RPM_TOOLS, ...REPOSITORY_TOOLS];

/** Both packages and their repository. What has not changed is not built again and is the same file as before. */
export async function buildArtefacts(
  context: Context,
  { steps, out, cluster, epoch }: ArtefactInputs,
  say: (line: string) => void = () => {},
): Promise<Artefacts> {
  const node = await obtainNodeRuntime(context, say);
  const descriptions = [await describeRuntime(node), await describePostinstall(steps, node)] as const;
  const counted = descriptions.map((rpm) => ({ key: `${cluster}/${rpm.name}`, content: contentHash(rpm) }));

  const ledgerFile = join(out, 'releases.json');
  const before = await readLedger(ledgerFile);
  const ledger = counted.reduce((sum, { key, content }) => recordContent(sum, key, content), before);

  const build = (rpm: (typeof descriptions)[number]): Promise<Rpm> =>
    buildRpm(context, rpm, releaseOf(ledger, `${cluster}/${rpm.name}`, contentHash(rpm)), epoch);
  const [runtime, postinstall] = await Promise.all([build(descriptions[0]), build(descriptions[1])]);
  // Only what was really built counts.
  if (ledger !== before) await writeLedger(ledgerFile, ledger);
  for (const { file, reused } of [runtime, postinstall]) if (!reused) say(`built ${file}`);
  return { runtime, postinstall, repository: await buildRepository(context, [runtime, postinstall], epoch) };
}
