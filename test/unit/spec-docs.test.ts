import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { alternatives, type SpecJsonSchema, specJsonSchema } from '../../src/spec/json-schema.ts';
import { schemaText, specReference } from '../../src/spec/reference.ts';

const DOCS = join(import.meta.dirname, '../../docs');

interface DocumentedKey {
  readonly path: string;
  readonly key: string;
  readonly schema: SpecJsonSchema;
}

function keysOf(schema: SpecJsonSchema, path = ''): readonly DocumentedKey[] {
  return alternatives(schema).flatMap(({ items, additionalProperties, properties = {} }) => [
    ...(items === undefined ? [] : keysOf(items, `${path}[]`)),
    ...(typeof additionalProperties === 'object' ? keysOf(additionalProperties, `${path}.<name>`) : []),
    ...Object.entries(properties).flatMap(([key, inner]) => [
      { path, key, schema: inner },
      ...keysOf(inner, path === '' ? key : `${path}.${key}`),
    ]),
  ]);
}

describe('docs/spec.md', () => {
  const text = readFileSync(join(DOCS, 'spec.md'), 'utf8');

  it('is what `slipway schema --markdown` prints', () => {
    assert.equal(text, specReference());
  });

  it('has a full row for every key of the schema, below the heading of its place', () => {
    const sections = new Map(
      text
        .split(/^## /m)
        .slice(1)
        .map((section) => [section.split('\n')[0]?.replaceAll('`', '') ?? '', section]),
    );
    const keys = keysOf(specJsonSchema());
    assert.ok(keys.length > 50, `only ${keys.length} keys found`);
    for (const { path, key } of keys) {
      const section = sections.get(path === '' ? 'The file' : path) ?? '';
      const cells = section
        .split('\n')
        .find((line) => line.startsWith(`| \`${key}\` |`))
        ?.split(/(?<!\\)\|/)
        .slice(1, -1);
      assert.equal(cells?.length, 6, `${path} ${key}`);
      assert.ok(
        cells?.every((cell) => cell.trim() !== ''),
        `${path} ${key} has an empty cell`,
      );
    }
  });

  it('gives an example for every value', () => {
    for (const { path, key, schema } of keysOf(specJsonSchema())) {
      const hasKeys = alternatives(schema).some((one) => keysOf(one).length > 0);
      assert.ok(hasKeys || schema['x-example'] !== undefined, `${path} ${key}`);
    }
  });

  it('gives examples of texts that the schema takes', () => {
    for (const { path, key, schema } of keysOf(specJsonSchema())) {
      const example = schema['x-example'];
      // Hashes and keys are abridged: nobody shall copy one.
      if (schema.pattern === undefined || example === undefined || /salt|\.\.\./.test(example)) continue;
      assert.match(String(parse(example)), new RegExp(schema.pattern), `${path} ${key}`);
    }
  });
});

describe('docs/cluster.schema.json', () => {
  it('is what `slipway schema` prints', () => {
    assert.equal(readFileSync(join(DOCS, 'cluster.schema.json'), 'utf8'), schemaText());
  });

  it('refuses unknown keys everywhere', () => {
    for (const { path, key, schema } of keysOf(specJsonSchema())) {
      for (const one of alternatives(schema)) {
        if (one.properties !== undefined) assert.equal(one.additionalProperties, false, `${path} ${key}`);
      }
    }
  });
});
