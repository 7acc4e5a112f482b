/** The embedded base: a Debian system that is at once the installer's live root and what it installs. */
import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { CommandError } from '../../engine/command.ts';
import { FailedError } from '../../errors/exit.ts';
import type { Context } from '../../host/context.ts';
import { hashFile, hashJson } from '../../host/hash.ts';
import { packageVersion } from '../../host/package-root.ts';
import { withPlainName } from '../../host/plain-name.ts';
import type { BaseArtefact } from '../types.ts';
import { mmdebstrapCommand, squashfsCommand } from './commands.ts';
import { type BaseRecipe, BUILD_FOLDER, buildFiles, type ClusterNeeds, readRecipe } from './recipe.ts';
import { spdxDocument } from './sbom.ts';

export interface BaseInputs {
  /** `iso/base` of the package. */
  readonly recipeFolder: string;
  /** RPMs that become part of the image: the runtime. */
  readonly rpms: readonly string[];
  /** Debian packages beside those of the recipe. */
  readonly packages?: readonly string[];
  /** Undefined where no nodes form a cluster. */
  readonly cluster?: ClusterNeeds;
  /** Seconds since the epoch. */
  readonly sourceDateEpoch: number;
}

export interface BaseResult extends BaseArtefact {
  /** Whether the cache had it. */
  readonly reused: boolean;
}

/** Raised when this code changes what it makes of the same recipe. */
const FORMAT = 4;

/**
 * The base for these inputs, from the cache or newly built.
 *
 * Its identity is the hash of the recipe, not of Debian's packages of the day: a build does not change under the
 * user because a mirror did. `SLIPWAY_BASE_DATE` (any text) makes a new one with today's packages.
 */
export async function obtainBase(
  inputs: BaseInputs,
  context: Context,
  say: (line: string) => void,
): Promise<BaseResult> {
  const { recipeFolder, packages = [], cluster } = inputs;
  const ofCluster = withPackages(await readRecipe(recipeFolder), 'the cluster', cluster?.packages ?? []);
  const recipe = withPackages(ofCluster, 'the spec', packages);
  const files = await buildFiles(recipeFolder, recipe, cluster);
  const id = hashJson({
    format: FORMAT,
    recipe,
    files: Object.fromEntries(files),
    rpms: await Promise.all(inputs.rpms.map(hashFile)),
    epoch: inputs.sourceDateEpoch,
    date: process.env['SLIPWAY_BASE_DATE'] ?? '',
  });
  const { dir, reused } = await context.cache.obtain('base', id, (folder) =>
    build(id, folder, recipe, files, inputs, context, say),
  );
  return { ...(await describe(id, dir)), reused };
}

/** Nothing asked for leaves the recipe, and so the base's identity, as it is. */
const withPackages = (recipe: BaseRecipe, whose: string, names: readonly string[]): BaseRecipe =>
  names.length === 0
    ? recipe
    : { ...recipe, packages: { ...recipe.packages, [whose]: [...new Set(names)].sort() } };

async function build(
  id: string,
  folder: string,
  recipe: BaseRecipe,
  files: ReadonlyMap<string, string>,
  inputs: BaseInputs,
  context: Context,
  say: (line: string) => void,
): Promise<void> {
  const buildFolder = join(folder, basename(BUILD_FOLDER));
  const results = join(folder, 'results.tar');
  const tree = join(folder, 'tree.tar');
  await mkdir(join(buildFolder, 'rpms'), { recursive: true });
  for (const [name, content] of files) await writeFile(join(buildFolder, name), content);
  for (const rpm of inputs.rpms) await cp(rpm, join(buildFolder, 'rpms', basename(rpm)));

  say('collecting Debian packages');
  const { sourceDateEpoch } = inputs;
  const root = process.geteuid?.() === 0;
  await withPlainName(folder, (plain) => {
    const at = (name: string): string => join(plain, name);
    const paths = {
      buildFolder: at(basename(BUILD_FOLDER)),
      results: at('results.tar'),
      tree: at('tree.tar'),
    };
    const options = { root, sourceDateEpoch, cluster: inputs.cluster !== undefined };
    return context.exec(mmdebstrapCommand(recipe, paths, options), (line) => say(line));
  }).catch((error: unknown) => {
    throw unknownPackages(error) ?? error;
  });
  say('packing the live root');
  await context.exec(squashfsCommand(tree, join(folder, 'base.squashfs'), sourceDateEpoch));
  await context.exec({
    file: 'tar',
    args: ['-C', folder, '-xf', results, '--no-same-owner'],
    effect: 'write',
  });
  await Promise.all([buildFolder, results, tree].map((path) => rm(path, { recursive: true })));
  await writeFile(join(folder, SBOM), await sbomText(id, folder, recipe, inputs));
}

const SBOM = 'base.spdx.json';

async function sbomText(
  id: string,
  folder: string,
  { suite }: BaseRecipe,
  { rpms, sourceDateEpoch }: BaseInputs,
): Promise<string> {
  const squashfs = { file: 'base.squashfs', sha256: await hashFile(join(folder, 'base.squashfs')) };
  const packages = await readPackages(folder);
  const slipway = packageVersion();
  const document = spdxDocument({ id, suite, packages, rpms, squashfs, slipway, sourceDateEpoch });
  return `${JSON.stringify(document, null, 2)}\n`;
}

/** apt's word for a name it does not know, in ours. */
function unknownPackages(error: unknown): FailedError | undefined {
  if (!(error instanceof CommandError)) return undefined;
  const names = [...error.stderr.matchAll(/^E: Unable to locate package (\S+)/gm)].map(([, name]) => name);
  if (names.length === 0) return undefined;
  return new FailedError(
    `Debian has no package ${[...new Set(names)].join(', ')}`,
    'correct base.packages in the spec',
    { cause: error },
  );
}

async function describe(id: string, dir: string): Promise<BaseArtefact> {
  const file = (name: string): string => join(dir, name);
  return {
    id,
    dir,
    squashfs: file('base.squashfs'),
    kernel: file('vmlinuz'),
    kernelVersion: (await readFile(file('kernel-version'), 'utf8')).trim(),
    installerInitrd: file('installer.img'),
    boot: {
      eltorito: file('eltorito.img'),
      hybridMbr: file('boot_hybrid.img'),
      shim: file('shimx64.efi'),
      mokManager: file('mmx64.efi'),
      grubEfi: file('gcdx64.efi'),
      biosModules: file('i386-pc'),
    },
    packages: await readPackages(dir),
    sbom: file(SBOM),
  };
}

/** Name → version, from what dpkg-query printed inside. */
async function readPackages(dir: string): Promise<Readonly<Record<string, string>>> {
  const lines = (await readFile(join(dir, 'packages.tsv'), 'utf8')).trimEnd().split('\n');
  return Object.fromEntries(
    lines.map((line) => line.split('\t')).map(([name = '', version = '']) => [name, version]),
  );
}
