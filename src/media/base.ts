/** The embedded base: a Debian system that is at once the installer's live root and what it installs. */
import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Context } from '../host/context.ts';
import { hashFile, hashJson } from '../host/hash.ts';
import { mmdebstrapCommand, squashfsCommand } from './base-commands.ts';
import { type BaseRecipe, BUILD_FOLDER, buildFiles, readRecipe } from './base-recipe.ts';
import type { BaseArtefact } from './types.ts';

export interface BaseInputs {
  /** `iso/base` of the package. */
  readonly recipeFolder: string;
  /** RPMs that become part of the image: the runtime. */
  readonly rpms: readonly string[];
  /** Seconds since the epoch. */
  readonly sourceDateEpoch: number;
}

export interface BaseResult extends BaseArtefact {
  /** Whether the cache had it. */
  readonly reused: boolean;
}

/** Raised when this code changes what it makes of the same recipe. */
const FORMAT = 2;

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
  const recipe = await readRecipe(inputs.recipeFolder);
  const files = await buildFiles(inputs.recipeFolder, recipe);
  const id = hashJson({
    format: FORMAT,
    recipe,
    files: Object.fromEntries(files),
    rpms: await Promise.all(inputs.rpms.map(hashFile)),
    epoch: inputs.sourceDateEpoch,
    date: process.env['SLIPWAY_BASE_DATE'] ?? '',
  });
  const { dir, reused } = await context.cache.obtain('base', id, (folder) =>
    build(folder, recipe, files, inputs, context, say),
  );
  return { ...(await describe(id, dir)), reused };
}

async function build(
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
  await context.exec(
    mmdebstrapCommand(recipe, { buildFolder, results, tree }, { root, sourceDateEpoch }),
    (line) => say(line),
  );
  say('packing the live root');
  await context.exec(squashfsCommand(tree, join(folder, 'base.squashfs'), sourceDateEpoch));
  await context.exec({
    file: 'tar',
    args: ['-C', folder, '-xf', results, '--no-same-owner'],
    effect: 'write',
  });
  await Promise.all([buildFolder, results, tree].map((path) => rm(path, { recursive: true })));
}

async function describe(id: string, dir: string): Promise<BaseArtefact> {
  const file = (name: string): string => join(dir, name);
  const packages = (await readFile(file('packages.tsv'), 'utf8'))
    .trimEnd()
    .split('\n')
    .map((line) => line.split('\t'))
    .map(([name = '', version = '']) => [name, version] as const);
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
    packages: Object.fromEntries(packages),
  };
}
