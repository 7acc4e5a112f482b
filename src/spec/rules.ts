/** The rules of a spec that need more than one value, in the order of their families. */
import type { Finding, Rule } from './finding.ts';
import { diskRules } from './rules/disks.ts';
import { haRules } from './rules/ha.ts';
import { layoutRules } from './rules/layouts.ts';
import { linkRules } from './rules/links.ts';
import { mediaRules } from './rules/media.ts';
import { networkRules } from './rules/network.ts';
import { nodeRules } from './rules/nodes.ts';
import { settingRules } from './rules/settings.ts';
import type { ClusterSpec } from './schema.ts';

const RULES: readonly Rule[] = [
  ...settingRules,
  ...nodeRules,
  ...networkRules,
  ...linkRules,
  ...haRules,
  ...layoutRules,
  ...diskRules,
  ...mediaRules,
];

/** Everything the rules have against a spec that passed the schema. */
export function checkRules(spec: ClusterSpec): readonly Finding[] {
  return RULES.flatMap((rule) => rule(spec));
}
