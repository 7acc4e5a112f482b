/** A configuration with our elements in it, and everybody else's as they were. Pure. */
import { type CibSection, type DesiredCib, OWN_PREFIX } from './cib.ts';
import { childOf, element, type XmlElement } from './xml.ts';

const SECTIONS: readonly CibSection[] = ['crm_config', 'resources', 'constraints', 'rsc_defaults'];
/** What we take away again when it is no longer wanted; attributes an operator added to our elements are not ours. */
const OBJECTS = ['primitive', 'group', 'clone', 'rsc_location', 'rsc_colocation', 'rsc_order'];

export interface MergeOptions {
  /** Takes away objects of ours that are not desired; default: they stay. */
  readonly prune?: boolean;
}

/** `cib` is the whole document. The result is the same object when nothing has to change. */
export function mergeCib(
  cib: XmlElement,
  desired: DesiredCib,
  { prune = false }: MergeOptions = {},
): XmlElement {
  const configuration = childOf(cib, 'configuration') ?? element('configuration', {});
  const merged = SECTIONS.reduce((sum, name) => {
    const section = childOf(sum, name) ?? element(name, {});
    const next = withChildren(section, desired[name], prune);
    return next === section ? sum : withChild(sum, section, next);
  }, configuration);
  return merged === configuration ? cib : withChild(cib, configuration, merged);
}

const sameThing = (a: XmlElement, b: XmlElement): boolean =>
  a.name === b.name && a.attributes['id'] === b.attributes['id'];

function withChild(parent: XmlElement, before: XmlElement, after: XmlElement): XmlElement {
  const known = parent.children.includes(before);
  const children = known
    ? parent.children.map((child) => (child === before ? after : child))
    : [...parent.children, after];
  return { ...parent, children };
}

function withChildren(parent: XmlElement, desired: readonly XmlElement[], prune: boolean): XmlElement {
  const isUnwanted = (child: XmlElement): boolean =>
    prune &&
    OBJECTS.includes(child.name) &&
    (child.attributes['id'] ?? '').startsWith(OWN_PREFIX) &&
    !desired.some((wanted) => sameThing(wanted, child));
  const kept = parent.children.filter((child) => !isUnwanted(child));
  const start = kept.length === parent.children.length ? parent : { ...parent, children: kept };
  return desired.reduce((section, wanted) => withObject(section, wanted, prune), start);
}

function withObject(parent: XmlElement, wanted: XmlElement, prune: boolean): XmlElement {
  const found = parent.children.find((child) => sameThing(child, wanted));
  if (found === undefined) return withChild(parent, wanted, wanted);
  const next = merged(found, wanted, prune);
  return next === found ? parent : withChild(parent, found, next);
}

/** `found` with all that `wanted` says; what it has beyond that stays. */
function merged(found: XmlElement, wanted: XmlElement, prune: boolean): XmlElement {
  const differs = Object.entries(wanted.attributes).some(([key, value]) => found.attributes[key] !== value);
  const own = differs ? { ...found, attributes: { ...found.attributes, ...wanted.attributes } } : found;
  const inner = withChildren(own, wanted.children, prune);
  return inner === own && !differs ? found : inner;
}
