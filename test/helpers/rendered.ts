/** Rendered kickstarts for tests, and the scripts in them. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { rolePackages } from '../../postinstall/platforms/role-packages.ts';
import { parseKickstart } from '../../src/kickstart/parse.ts';
import { renderKickstart } from '../../src/kickstart/render.ts';
import type { SectionName } from '../../src/kickstart/types.ts';
import { MEDIUM } from '../../src/media/types.ts';
import type { LayoutPlan, NodePlan, Plan, Release } from '../../src/plan/types.ts';

const ROOT = join(import.meta.dirname, '..', '..');
export const TEMPLATES = join(ROOT, 'kickstart');

const GOLDEN = join(ROOT, 'test', 'golden');
export const RELEASE_NAMES: readonly Release[] = ['embedded', 'rhel8', 'rhel9', 'rhel10', 'fedora44'];

/** The folders of the golden specs. */
export function goldenNames(): readonly string[] {
  return readdirSync(GOLDEN, { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory() ? [entry.name] : [],
  );
}

/** A kickstart of a golden spec with what its %pre wrote in place of the `%include` lines. */
export function withIncluded(kickstart: string, name: string, node: string): string {
  return kickstart.replace(/^%include \/tmp\/slipway-(disks|network)\.ks\n/gm, (line, kind: string) => {
    const file = join(GOLDEN, name, 'included', `${node}.${kind}.ks`);
    return existsSync(file) ? readFileSync(file, 'utf8') : line;
  });
}

/** The plan of a golden spec, by the name of its folder. */
export function goldenPlan(name: string): Plan {
  const plan: Plan = JSON.parse(readFileSync(join(GOLDEN, name, 'plan.json'), 'utf8'));
  return plan;
}

/** The first node of a golden spec with something else in places. */
export function nodeOf(
  name: string,
  change: Partial<NodePlan> = {},
  layout: Partial<LayoutPlan> = {},
): NodePlan {
  const [node] = goldenPlan(name).nodes;
  if (node === undefined) throw new Error(`${name} has no node`);
  return { ...node, ...change, layout: { ...node.layout, ...layout } };
}

export function render(node: NodePlan, release: Release = 'embedded'): string {
  const plan: Plan = { ...goldenPlan('one-disk'), release, nodes: [node] };
  return renderKickstart(node, plan, {
    ...{ templates: TEMPLATES, medium: MEDIUM },
    rolePackages: rolePackages(release, node),
  });
}

/** The bodies of the sections of one kind. */
export function scriptsOf(kickstart: string, name: SectionName): readonly string[] {
  return parseKickstart(kickstart, 'test.ks', 'embedded').document.items.flatMap((item) =>
    item.kind === 'section' && item.name === name ? [`${item.body}\n`] : [],
  );
}

/** The one %pre of a kickstart. */
export function preScript(kickstart: string): string {
  const [script, ...more] = scriptsOf(kickstart, 'pre');
  if (script === undefined || more.length > 0) throw new Error('a kickstart has one %pre');
  return script;
}
