import { basename } from 'node:path';
import { fileProblem, InputError } from '../errors/problem.ts';
import type { Context } from '../host/context.ts';
import { unmetRequirements } from './closure.ts';
import { obtainNodeRuntime } from './node-runtime.ts';
import { describePostinstall, describeRuntime, ownFiles, type PackagedStep } from './packages.ts';
import { recordContent, releaseOf, updateLedger } from './release.ts';
import { buildRepository, REPOSITORY_TOOLS, type Repository, type RepositoryRpm } from './repository.ts';
import { buildRpm, contentHash, RPM_TOOLS, type Rpm, type RpmDescription } from './rpm.ts';
import { findSigningKey, type SigningKey, signRpm } from './sign.ts';
import { readUserRpms, type UserRpm } from './user-rpms.ts';

export interface ArtefactInputs {
  readonly steps: readonly PackagedStep[];
  /** Package files of the user's. */
  readonly rpms?: readonly string[];
  /** Where what they require may come from beside the repository itself. */
  readonly offers?: PackageOffers;
  /** Names the key that signs packages and repository; undefined leaves them unsigned. */
  readonly sign?: string;
  /** The ledger of releases, `releases.json` beside the results. */
  readonly ledger: string;
  /** Name of the cluster: each counts its own releases. */
  readonly cluster: string;
  /** Seconds. */
  readonly epoch: number;
}

export interface PackageOffers {
  /** Folders with a `repodata`: those of the vendor's medium. */
  readonly repositories: readonly string[];
  /** Names of repositories that are not here to look into. With one of them, what is not found is told and no error. */
  readonly elsewhere: readonly string[];
}

export interface Artefacts {
  /** Unsigned: it becomes part of the base, which does not change with the key. */
  readonly runtime: Rpm;
  readonly postinstall: Rpm;
  readonly repository: Repository;
  /** Names of all packages of the repository. */
  readonly names: readonly string[];
}

export const ARTEFACT_TOOLS = [...RPM_TOOLS, ...REPOSITORY_TOOLS];

/**
 * Both packages, the user's own and their repository. What has not changed is not built again and is the same file as
 * before.
 * @throws {InputError} naming what the user's packages require and nobody offers.
 */
export async function buildArtefacts(
  context: Context,
  inputs: ArtefactInputs,
  say: (line: string) => void = () => {},
): Promise<Artefacts> {
  const { steps, epoch, sign, rpms = [] } = inputs;
  // Looked for first: what was not built, or is no package, is told before anything is downloaded.
  const own = ownFiles();
  const key = sign === undefined ? undefined : await findSigningKey(sign, context.exec);
  const brought = await readUserRpms(rpms, context.exec);
  const node = await obtainNodeRuntime(context, say);
  const descriptions = [await describeRuntime(node), await describePostinstall(steps, node, own)] as const;
  const build = await countReleases(descriptions, inputs, context);
  const [runtime, postinstall] = await Promise.all([build(descriptions[0]), build(descriptions[1])]);
  const packages = await signed([runtime, postinstall, ...brought], context, key, epoch);
  const repository = await buildRepository(context, packages, epoch, key);
  if (brought.length > 0) await checkClosure(repository, brought, inputs.offers, context, say);
  const names = [runtime, postinstall, ...brought].map(({ name }) => name);
  return { runtime, postinstall, repository, names };
}

/** The agent's package alone, with the user's steps: for nodes that are installed already. */
export async function buildPostinstall(
  context: Context,
  inputs: Pick<ArtefactInputs, 'steps' | 'ledger' | 'cluster' | 'epoch'>,
  say: (line: string) => void = () => {},
): Promise<Rpm> {
  const own = ownFiles();
  const description = await describePostinstall(inputs.steps, await obtainNodeRuntime(context, say), own);
  const build = await countReleases([description], inputs, context);
  return build(description);
}

/** Enters what is about to be built into the ledger, and returns what builds it. */
async function countReleases(
  descriptions: readonly RpmDescription[],
  { ledger, cluster, epoch }: Pick<ArtefactInputs, 'ledger' | 'cluster' | 'epoch'>,
  context: Context,
): Promise<(rpm: RpmDescription) => Promise<Rpm>> {
  const counted = await updateLedger(ledger, context.signal, (before) =>
    descriptions.reduce((sum, rpm) => recordContent(sum, series(cluster, rpm), contentHash(rpm)), before),
  );
  return (rpm) => buildRpm(context, rpm, releaseOf(counted, series(cluster, rpm), contentHash(rpm)), epoch);
}

/** What is counted together: as everywhere with rpm, a new version starts again at 1. */
const series = (cluster: string, { name, version }: RpmDescription): string =>
  `${cluster}/${name}-${version}`;

/** One after the other: a passphrase is asked for once, and not by several at the same time. */
async function signed(
  rpms: readonly RepositoryRpm[],
  context: Context,
  key: SigningKey | undefined,
  epoch: number,
): Promise<readonly RepositoryRpm[]> {
  if (key === undefined) return rpms;
  const done: RepositoryRpm[] = [];
  for (const rpm of rpms) done.push(await signRpm(context, rpm, key, epoch));
  return done;
}

async function checkClosure(
  { dir }: Repository,
  brought: readonly UserRpm[],
  { repositories, elsewhere }: PackageOffers = { repositories: [], elsewhere: [] },
  { exec }: Context,
  say: (line: string) => void,
): Promise<void> {
  const unmet = await unmetRequirements(dir, repositories, exec);
  if (unmet.length === 0) return;
  if (elsewhere.length > 0) {
    for (const { file, requirement } of unmet)
      say(`${file}: ${requirement} is left to ${elsewhere.join(', ')}`);
    return;
  }
  throw new InputError(
    unmet.map(({ file, requirement }) =>
      fileProblem(
        brought.find((rpm) => basename(rpm.file) === file)?.file ?? file,
        'missing-requirement',
        `the package requires ${requirement}, which nothing on the medium offers`,
        'bring the package that offers it along with media.rpms, too',
      ),
    ),
  );
}
