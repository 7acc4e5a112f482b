import { dirname, join } from 'node:path';
import { type Command, Option } from 'commander';
import type { Release } from '../plan/types.ts';

interface RenderCommandOptions {
  readonly out: string;
  readonly for?: Release;
}

const RELEASES: readonly Release[] = ['embedded', 'rhel8', 'rhel9', 'rhel10', 'fedora44'];

export function registerRender(program: Command): void {
  program
    .command('render')
    .summary('write the kickstarts of a cluster')
    .description(
      'Writes one kickstart per node, OUT/<node>.ks. Nothing is written when the spec has a problem.',
    )
    .argument('[SPEC]', 'the spec; default cluster.yaml, else the example')
    .requiredOption('--out <DIR>', 'where the kickstarts go')
    .addOption(
      new Option('--for <RELEASE>', "the installer they are for, instead of the spec's release").choices(
        RELEASES,
      ),
    )
    .action(render);
}

async function render(given: string | undefined, options: RenderCommandOptions): Promise<void> {
  const [
    { specFile },
    { loadSpec },
    { makePlan },
    { renderKickstart },
    { rolePackages },
    { MEDIUM },
    { packageRoot },
    { writeFileAtomically },
  ] = await Promise.all([
    import('./spec-file.ts'),
    import('../spec/load.ts'),
    import('../plan/plan.ts'),
    import('../kickstart/render.ts'),
    import('../../postinstall/platforms/role-packages.ts'),
    import('../media/types.ts'),
    import('../host/package-root.ts'),
    import('../host/atomic.ts'),
  ]);
  const { spec, file } = await loadSpec(specFile(given));
  const plan = makePlan({ ...spec, release: options.for ?? spec.release }, dirname(file));
  const templates = join(packageRoot(), 'kickstart');
  const kickstarts = plan.nodes.map((node) => ({
    path: join(options.out, `${node.name}.ks`),
    text: renderKickstart(node, plan, {
      ...{ templates, medium: MEDIUM },
      rolePackages: rolePackages(plan.release, node),
    }),
  }));
  for (const { path, text } of kickstarts) {
    await writeFileAtomically(path, text);
    process.stdout.write(`${path}\n`);
  }
}
