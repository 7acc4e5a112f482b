/** docs/spec.md and docs/cluster.schema.json, written from the schema so that they cannot disagree with it. */
import { alternatives, type SpecJsonSchema, specJsonSchema } from './json-schema.ts';

/** The JSON Schema as it lies in docs/. */
export function schemaText(): string {
  return `${JSON.stringify(specJsonSchema(), null, 2)}\n`;
}

const INTRODUCTION = `# The spec

One YAML file describes a cluster: its nodes, their disks and addresses, and the medium that installs them.
\`slipway init\` writes a commented one, \`slipway check\` names everything that is wrong with it (file, line and column),
\`slipway plan\` shows what follows from it. \`examples/\` holds three that work.

This page is generated from the schema (\`slipway schema --markdown\`), as is the JSON Schema for editors
(\`slipway schema\`, also \`docs/cluster.schema.json\`): put
\`# yaml-language-server: $schema=docs/cluster.schema.json\` into the first line of a spec.

- Sizes have a unit: MiB, GiB or TiB (binary). Disks are sold in decimal GB: 500 GB are 465 GiB.
- Keys without a default and without "optional" are required. Unknown keys are errors.
- Texts reach kickstarts, so none may hold a line break, a quote, \`%\`, a backslash or a control character.
- Two nodes of role \`ha-pair\`, or 3 to 16 of role \`cluster\`, form a cluster and need \`ha\`; [cluster.md](cluster.md) tells what
  follows.
- On every disk: biosboot (1 MiB, when the layout boots by BIOS), ESP, /boot, the other volumes in their order, and the
  one that grows last. GPT names are \`slipway-<role>\`, or \`slipway-<name>\` for a named data volume.
`;

/** docs/spec.md: every key with type, unit, default, example and meaning. */
export function specReference(): string {
  return `${[INTRODUCTION.trimEnd(), ...sections('', specJsonSchema())].join('\n\n')}\n`;
}

/** A section for each group of keys, the outer before the inner. */
function sections(path: string, schema: SpecJsonSchema): readonly string[] {
  return alternatives(schema).flatMap((alternative) => {
    if (alternative.items !== undefined) return sections(`${path}[]`, alternative.items);
    if (typeof alternative.additionalProperties === 'object') {
      return sections(`${path}.<name>`, alternative.additionalProperties);
    }
    const { properties, required = [] } = alternative;
    if (properties === undefined) return [];
    const rows = Object.entries(properties).map(([key, value]) => row(key, value, required.includes(key)));
    const table = [
      '| key | type | unit | default | example | meaning |',
      '|---|---|---|---|---|---|',
      ...rows,
    ].join('\n');
    const inner = Object.entries(properties).flatMap(([key, value]) =>
      sections(path === '' ? key : `${path}.${key}`, value),
    );
    return [`## ${path === '' ? 'The file' : `\`${path}\``}\n\n${table}`, ...inner];
  });
}

function row(key: string, schema: SpecJsonSchema, required: boolean): string {
  const example = schema['x-example'];
  const cells = [
    `\`${key}\``,
    typeText(schema),
    schema['x-unit'] ?? '–',
    defaultText(schema, required),
    example === undefined ? 'see below' : code(example),
    schema.description ?? '',
  ];
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
}

function typeText(schema: SpecJsonSchema): string {
  if (schema.anyOf !== undefined) return schema.anyOf.map(typeText).join(', or ');
  if (schema.enum !== undefined)
    return `one of ${schema.enum.map((value) => code(String(value))).join(', ')}`;
  if (schema.const !== undefined) return code(String(schema.const));
  if (schema.items !== undefined) return `list of ${plural(typeText(schema.items))}`;
  switch (schema.type) {
    case 'object':
      return typeof schema.additionalProperties === 'object' ? 'named groups of keys' : 'group of keys';
    case 'integer':
      return `whole number, ${schema.minimum} to ${schema.maximum}`;
    case 'boolean':
      return '`true` or `false`';
    default:
      return 'text';
  }
}

function plural(type: string): string {
  return { text: 'texts', 'group of keys': 'groups of keys' }[type] ?? type;
}

function defaultText(schema: SpecJsonSchema, required: boolean): string {
  if (required) return 'required';
  const { default: value } = schema;
  if (value === undefined) return 'optional';
  if (typeof value === 'object' && value !== null && Object.keys(value).length === 0) {
    return Array.isArray(value) ? '`[]`' : 'optional';
  }
  return code(typeof value === 'string' ? value : JSON.stringify(value));
}

function code(text: string): string {
  return `\`${text}\``;
}
