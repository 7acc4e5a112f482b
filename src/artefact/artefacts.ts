import type { Context } from '../host/context.ts';
import { obtainNodeRuntime } from './node-runtime.ts';
import { describePostinstall, describeRuntime, ownFiles, type PackagedStep } from './packages.ts';
import { recordContent, releaseOf, updateLedger } from './release.ts';
import { buildRepository, REPOSITORY_TOOLS, type Repository } from './repository.ts';
import { buildRpm, contentHash, RPM_TOOLS, type Rpm, type RpmDescription } from './rpm.ts';

export interface ArtefactInputs {
  readonly steps: readonly PackagedStep[];
  /** The ledger of releases, `releases.json` beside the results. */
  readonly ledger: string;
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
  { steps, ledger, cluster, epoch }: ArtefactInputs,
  say: (line: string) => void = () => {},
): Promise<Artefacts> {
  // Looked for first: what was not built is told before anything is downloaded.
  const own = ownFiles();
  const node = await obtainNodeRuntime(context, say);
  const descriptions = [await describeRuntime(node), await describePostinstall(steps, node, own)] as const;
  const counted = await updateLedger(ledger, context.signal, (before) =>
    descriptions.reduce((sum, rpm) => recordContent(sum, series(cluster, rpm), contentHash(rpm)), before),
  );
  const build = (rpm: RpmDescription): Promise<Rpm> =>
    buildRpm(context, rpm, releaseOf(counted, series(cluster, rpm), contentHash(rpm)), epoch);
  const [runtime, postinstall] = await Promise.all([build(descriptions[0]), build(descriptions[1])]);
  return { runtime, postinstall, repository: await buildRepository(context, [runtime, postinstall], epoch) };
}

/** What is counted together: as everywhere with rpm, a new version starts again at 1. */
const series = (cluster: string, { name, version }: RpmDescription): string =>
  `${cluster}/${name}-${version}`;
