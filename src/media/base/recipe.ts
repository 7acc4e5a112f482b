/** The recipe of the embedded base: which Debian packages and which drivers, and the files of `iso/base/`. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { shellLine } from '../../engine/command.ts';
import { GRUB_EARLY_CONFIG, grubElToritoCommand } from '../grub-image.ts';

const names = z.array(z.string().regex(/^[\w./+-]+$/));

const recipeSchema = z.strictObject({
  suite: z.string(),
  components: z.string(),
  /** Packages by what they are there for. */
  packages: z.record(z.string(), names),
  /** Globs of paths that dpkg leaves out, and of those it keeps all the same. */
  pathExclude: z.array(z.string()),
  pathInclude: z.array(z.string()),
  initramfs: z.strictObject({
    binaries: names,
    nodeBinaries: names,
    modules: names,
    installerModules: names,
    nodeModules: names,
  }),
});

export type BaseRecipe = z.infer<typeof recipeSchema>;

/** Reads `recipe.json` of the recipe's folder. */
export async function readRecipe(folder: string): Promise<BaseRecipe> {
  return recipeSchema.parse(JSON.parse(await readFile(join(folder, 'recipe.json'), 'utf8')));
}

/** Files of the recipe's folder that are needed inside the base while it is built. */
const SCRIPTS = ['customize.sh', 'initramfs-lib.sh', 'init.installer', 'init.node', 'live-init'] as const;

/** What the base needs beyond the recipe, where nodes form a cluster. */
export interface ClusterNeeds {
  /** Debian packages. */
  readonly packages: readonly string[];
  /** systemd.preset(5): the units that do not start by themselves. */
  readonly preset: string;
}

/** Script of the recipe's folder that runs before all others, and the preset it reads; only where there is a cluster. */
export const CLUSTER_SCRIPT = 'cluster.sh';
const PRESET = '00-slipway.preset';

/** Where {@link buildFiles} lie inside the base while it is built; gone from the result. */
export const BUILD_FOLDER = '/slipway-build';

const lines = (...lists: readonly (readonly string[])[]): string => `${lists.flat().join('\n')}\n`;

/** Name → content of everything that `customize.sh` finds in its build folder. */
export async function buildFiles(
  folder: string,
  recipe: BaseRecipe,
  cluster?: ClusterNeeds,
): Promise<ReadonlyMap<string, string>> {
  const { binaries, nodeBinaries, modules, installerModules, nodeModules } = recipe.initramfs;
  const grub = grubElToritoCommand({
    modules: '/usr/lib/grub/i386-pc',
    earlyConfig: `${BUILD_FOLDER}/grub-early.cfg`,
    out: `${BUILD_FOLDER}/out/eltorito.img`,
  });
  const names = [...SCRIPTS, ...(cluster === undefined ? [] : [CLUSTER_SCRIPT])];
  const scripts = names.map(async (name) => [name, await readFile(join(folder, name), 'utf8')] as const);
  return new Map([
    ...(await Promise.all(scripts)),
    ['binaries.installer', lines(binaries)],
    ['binaries.node', lines(binaries, nodeBinaries)],
    ['modules.installer', lines(modules, installerModules)],
    ['modules.node', lines(modules, nodeModules)],
    ['grub-early.cfg', GRUB_EARLY_CONFIG],
    ['eltorito.sh', `${shellLine(grub)}\n`],
    ...(cluster === undefined ? [] : [[PRESET, cluster.preset] as const]),
  ]);
}
