/** The tasks behind `slipway iso`, each a thin wrapper around the room that does the work. */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { presetOf } from '../../postinstall/platforms/platforms.ts';
import { platformFor, rolePackages } from '../../postinstall/platforms/role-packages.ts';
import {
  ARTEFACT_TOOLS,
  type ArtefactInputs,
  type Artefacts,
  buildArtefacts,
} from '../artefact/artefacts.ts';
import { MissingError } from '../errors/exit.ts';
import { formatProblems } from '../errors/problem.ts';
import { writeFileAtomically } from '../host/atomic.ts';
import { packageRoot, packageVersion } from '../host/package-root.ts';
import { toolNeeds } from '../host/tools.ts';
import { renderKickstart } from '../kickstart/render.ts';
import { type BaseInputs, type BaseResult, obtainBase } from '../media/base/base.ts';
import { assembleIso } from '../media/iso.ts';
import {
  type IsoInputs,
  type IsoResult,
  type KickstartArtefact,
  MEDIUM,
  type MediumEntry,
} from '../media/types.ts';
import { makePlan } from '../plan/plan.ts';
import type { Plan } from '../plan/types.ts';
import { type LoadedSpec, loadSpec } from '../spec/load.ts';
import type { MediaFiles } from '../spec/media-files.ts';
import type { Task } from '../task/task.ts';
import { requireSound } from './audit-iso.ts';
import { clusterOf } from './iso-key.ts';

export const specTask: Task<string, LoadedSpec> = {
  name: 'spec',
  title: 'Read and check the spec',
  tools: [],
  async run(file, _context, say) {
    const loaded = await loadSpec(file);
    const sources = new Map([[file, loaded.source]]);
    for (const line of formatProblems(loaded.warnings, sources).split('\n').filter(Boolean)) say(line);
    return loaded;
  },
  summary: ({ file, spec }) => `${spec.cluster} of ${file}`,
};

export const planTask: Task<LoadedSpec, Plan> = {
  name: 'plan',
  title: 'Work out the plan',
  tools: [],
  run: async ({ spec, file }) => makePlan(spec, dirname(file)),
  summary: ({ nodes }) => counted(nodes.length, 'node'),
};

export interface KickstartInputs {
  readonly plan: Plan;
  /** The repository on the medium will be signed. */
  readonly signed: boolean;
}

export const kickstartTask: Task<KickstartInputs, readonly KickstartArtefact[]> = {
  name: 'kickstart',
  title: 'Render the kickstarts',
  tools: [],
  async run({ plan, signed }) {
    const templates = join(packageRoot(), 'kickstart');
    return plan.nodes.map((node) => ({
      node: node.name,
      text: renderKickstart(node, plan, {
        ...{ templates, medium: MEDIUM, signed },
        rolePackages: rolePackages(plan.release, node),
      }),
    }));
  },
  summary: (kickstarts) => counted(kickstarts.length, 'kickstart'),
};

export const rpmTask: Task<ArtefactInputs, Artefacts> = {
  name: 'rpm',
  title: 'Build the RPMs and their repository',
  tools: ARTEFACT_TOOLS,
  run: (inputs, context, say) => buildArtefacts(context, inputs, say),
  summary: ({ postinstall, repository }) =>
    repository.reused ? 'unchanged' : `slipway-postinstall ${postinstall.version}-${postinstall.release}`,
};

/** What the embedded base has to hold beside what every node needs: the spec's packages, and those of the roles. */
export function baseNeeds(plan: Plan, packages: readonly string[]): Pick<BaseInputs, 'packages' | 'cluster'> {
  const { release } = plan;
  const ha = clusterOf(plan);
  if (ha === undefined) return { packages };
  // The cluster starts its services where it wants them; a package that starts one by itself starts it everywhere.
  const disabledServices = [...platformFor(release).disabledServices, ...ha.services];
  return {
    packages,
    cluster: { packages: rolePackages(release, { ha }), preset: presetOf({ disabledServices }) },
  };
}

export const baseTask: Task<Omit<BaseInputs, 'recipeFolder'>, BaseResult> = {
  name: 'base',
  title: 'Provide the embedded base',
  tools: toolNeeds('mmdebstrap', 'newuidmap', 'sqfstar'),
  run: (inputs, context, say) =>
    obtainBase({ ...inputs, recipeFolder: join(packageRoot(), 'iso', 'base') }, context, say),
  summary: ({ reused, packages }) =>
    reused ? 'unchanged' : counted(Object.keys(packages).length, 'package'),
};

/** However a cluster's firmware is set, the medium on the embedded base boots by it. */
const requireOwnSound = (iso: string): Promise<void> =>
  requireSound(iso, { expect: ['bios-cd', 'bios-disk', 'uefi-cd', 'uefi-disk'] });

export const mediaTask: Task<Omit<IsoInputs, 'installer'>, IsoResult> = {
  name: 'media',
  title: 'Assemble the ISO',
  tools: toolNeeds('xorriso', 'mkfs.vfat', 'mcopy'),
  async run(inputs, { exec }, say) {
    const installer = join(packageRoot(), 'lib', 'installer.mjs');
    if (!existsSync(installer))
      throw new MissingError('lib/installer.mjs has not been built', 'npm run build');
    const result = await assembleIso(
      { ...inputs, installer },
      { exec, version: packageVersion(), say, audit: requireOwnSound },
    );
    const sbom = result.iso.replace(/\.iso$/, '.spdx.json');
    await writeFileAtomically(sbom, await readFile(inputs.base.sbom, 'utf8'));
    return { ...result, sbom };
  },
  summary: ({ reused, iso, bytes }) => (reused ? 'unchanged' : `${iso}, ${Math.round(bytes / 1e6)} MB`),
};

/** What the user brings for the medium: files, and the keys of repositories. */
export const broughtAlong = ({ files, keys }: MediaFiles): readonly MediumEntry[] => [
  ...files.map(({ from, to }) => ({ path: to, source: from })),
  ...Object.entries(keys).map(([name, key]) => ({ path: MEDIUM.key(name), source: key })),
];

export const ISO_TASKS = [specTask, planTask, kickstartTask, rpmTask, baseTask, mediaTask] as const;

const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`;
