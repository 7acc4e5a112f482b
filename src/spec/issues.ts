/** The schema's issues in the words of the spec: what is wrong, and what to write instead. */
import type * as z from 'zod';
import type { Finding, KeyPath } from './finding.ts';
import { formatOfPattern } from './formats.ts';
import { keysAt, schemasAt } from './json-schema.ts';
import { sizeRemedy } from './size.ts';
import { suggest } from './suggest.ts';

type Issue = z.core.$ZodIssue;

/** Findings for everything the schema refused. Issues must carry their input (`reportInput`). */
export function findingsOf(
  issues: readonly Issue[],
  schema: z.ZodType,
  base: KeyPath = [],
): readonly Finding[] {
  return issues.flatMap((issue) => describe(issue, [...base, ...issue.path.map(keyOf)], schema));
}

function keyOf(key: PropertyKey): string | number {
  return typeof key === 'symbol' ? String(key) : key;
}

function describe(issue: Issue, path: KeyPath, schema: z.ZodType): readonly Finding[] {
  const name = path.length === 0 ? 'the spec' : nameOf(path);
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key) => unknownKey(path, key, keysAt(schema, path)));
    case 'invalid_type':
      if (issue.input === undefined) return [missingKey(path, schema)];
      return [
        wrongType(
          path,
          `${name} must be ${TYPE_NAMES[issue.expected] ?? issue.expected}`,
          issue.input,
          schema,
        ),
      ];
    case 'invalid_value':
      if (issue.input === undefined) return [missingKey(path, schema)];
      return [badChoice(path, issue.values.map(String), issue.input)];
    case 'invalid_format':
      return [badFormat(path, issue)];
    case 'invalid_union':
      return bestBranch(issue, path, schema);
    case 'invalid_key':
      return issue.issues.flatMap((inner) =>
        describe({ ...inner, path: [] }, path, schema).map((finding) => ({ ...finding, at: 'key' as const })),
      );
    case 'too_small':
      return [
        {
          path,
          rule: 'out-of-range',
          message: `${name} must ${amount('have', issue.origin, issue.minimum, 'at least')}`,
        },
      ];
    case 'too_big':
      return [
        {
          path,
          rule: 'out-of-range',
          message: `${name} must ${amount('have', issue.origin, issue.maximum, 'at most')}`,
        },
      ];
    case 'custom': {
      const rule = issue.params?.['rule'];
      return [{ path, rule: typeof rule === 'string' ? rule : 'bad-value', message: issue.message }];
    }
    default:
      return [{ path, rule: 'bad-value', message: `${name}: ${issue.message}` }];
  }
}

const TYPE_NAMES: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a group of keys',
  record: 'a group of keys',
};

function amount(have: string, origin: string, limit: number | bigint, bound: string): string {
  return origin === 'array'
    ? `${have} ${bound} ${limit} ${limit === 1 ? 'entry' : 'entries'}`
    : `be ${bound} ${limit}`;
}

function wrongType(path: KeyPath, message: string, input: unknown, schema: z.ZodType): Finding {
  const hint = scalarRemedy(input, path, schema);
  return {
    path,
    rule: 'wrong-type',
    message: `${message}, not ${describeInput(input)}`,
    ...(hint === undefined ? {} : { hint }),
  };
}

/** YAML reads `7` as a number where text is wanted: quotes help, unless the text has to be another one anyway. */
function scalarRemedy(input: unknown, path: KeyPath, schema: z.ZodType): string | undefined {
  if (typeof input !== 'number' && typeof input !== 'boolean') return undefined;
  const wanted = schemasAt(schema, path).find(({ type }) => type === 'string');
  if (wanted === undefined) return undefined;
  const format = formatOfPattern(`/${wanted.pattern}/`);
  if (format !== undefined && !format.pattern.test(String(input))) return format.hint;
  return 'put it in quotes, so that YAML reads it as text';
}

function describeInput(input: unknown): string {
  if (input === null) return 'empty';
  if (Array.isArray(input)) return 'a list';
  if (typeof input === 'object') return 'a group of keys';
  return typeof input === 'string' ? 'text' : `the ${typeof input} ${String(input)}`;
}

function missingKey(path: KeyPath, schema: z.ZodType): Finding {
  const parent = path.slice(0, -1);
  const key = String(path.at(-1));
  const example = schemasAt(schema, path).find((place) => place['x-example'] !== undefined)?.['x-example'];
  return {
    path: parent,
    at: 'key',
    rule: 'missing-key',
    message: `${parent.length === 0 ? 'the spec' : nameOf(parent)} has no '${key}'`,
    ...(example === undefined ? {} : { hint: `for example ${key}: ${example}` }),
  };
}

/** Keys people write where the spec has another way; the answer is worth more than "unknown". */
const EXPLAINED: Readonly<Record<string, string>> = {
  'disks.wipe':
    'wiping must name the disk: list the disks by serial, id, wwn or path, and write wipe: true there',
  'access.rootPassword':
    'a password never stands here in clear: write rootPasswordHash with the output of `openssl passwd -6`',
  'fencing.password':
    'a password never stands here: write `node: password` lines into a file of your own for `slipway enrol --fencing`',
};

function unknownKey(parent: KeyPath, key: string, known: readonly string[]): Finding {
  const path = [...parent, key];
  const similar = suggest(key, known);
  const hint =
    EXPLAINED[`${String(parent.findLast((step) => typeof step === 'string'))}.${key}`] ??
    (similar === undefined ? `known here: ${known.join(', ')}` : `did you mean '${similar}'?`);
  return { path, at: 'key', rule: 'unknown-key', message: `unknown key '${key}'`, hint };
}

function badChoice(path: KeyPath, choices: readonly string[], input: unknown): Finding {
  const similar = choices.length === 1 ? undefined : suggest(String(input), choices);
  const message =
    choices.length === 1
      ? `${nameOf(path)} must be ${choices[0]}`
      : `${nameOf(path)} must be one of ${choices.join(', ')}`;
  return {
    path,
    rule: 'unknown-value',
    message: `${message}, not '${String(input)}'`,
    ...(similar === undefined ? {} : { hint: `did you mean '${similar}'?` }),
  };
}

function badFormat(path: KeyPath, issue: Extract<Issue, { code: 'invalid_format' }>): Finding {
  const format = formatOfPattern(issue.pattern ?? '');
  if (format === undefined) return { path, rule: 'bad-value', message: issue.message };
  const shown = format.secret === true ? 'this' : `'${printable(String(issue.input))}'`;
  return {
    path,
    rule: format.rule,
    message: `${shown} is not ${format.what}`,
    hint: format.rule === 'bad-size' ? sizeRemedy(issue.input, format.hint) : format.hint,
  };
}

/** Of a union's alternatives the one the user seems to have meant: the first whose outer shape fits. */
function bestBranch(
  issue: Extract<Issue, { code: 'invalid_union' }>,
  path: KeyPath,
  schema: z.ZodType,
): readonly Finding[] {
  const fitting = issue.errors.find((branch) =>
    branch.every((inner) => inner.path.length > 0 || inner.code !== 'invalid_type'),
  );
  if (fitting !== undefined) return findingsOf(fitting, schema, path);
  if (issue.input === undefined) return [missingKey(path, schema)];
  const expected = issue.errors.flatMap((branch) =>
    branch.flatMap((inner) => (inner.code === 'invalid_type' ? [inner.expected] : [])),
  );
  const kinds = [...new Set(expected)].map((kind) => TYPE_NAMES[kind] ?? kind).join(' or ');
  return [wrongType(path, `${nameOf(path)} must be ${kinds}`, issue.input, schema)];
}

/** How messages call a place: `nodes[0].interfaces[1].mac`. */
export function nameOf(path: KeyPath): string {
  return path.reduce<string>((name, step) => {
    if (typeof step === 'number') return `${name}[${step}]`;
    return name === '' ? step : `${name}.${step}`;
  }, '');
}

/** Control characters written out, so that a message stays on its line. */
function printable(value: string): string {
  const escaped = JSON.stringify(value).slice(1, -1).replaceAll('\\"', '"');
  return escaped.length > 60 ? `${escaped.slice(0, 57)}...` : escaped;
}
