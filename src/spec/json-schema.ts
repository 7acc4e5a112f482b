/** The spec's schema as JSON Schema (draft 2020-12): for editors, for docs/spec.md and for "did you mean". */
import * as z from 'zod';
import type { KeyPath } from './finding.ts';
import { ClusterSchema } from './schema.ts';

/** The part of JSON Schema that the spec's schema uses. */
export interface SpecJsonSchema {
  readonly type?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly pattern?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly properties?: Readonly<Record<string, SpecJsonSchema>>;
  readonly required?: readonly string[];
  readonly items?: SpecJsonSchema;
  readonly additionalProperties?: SpecJsonSchema | boolean;
  readonly anyOf?: readonly SpecJsonSchema[];
  readonly examples?: readonly unknown[];
  readonly 'x-unit'?: string;
  readonly 'x-example'?: string;
}

/** The whole schema, describing what people write (sizes as text), with a title for editors. */
export function specJsonSchema(): SpecJsonSchema & { readonly title: string } {
  return { title: 'Slipway cluster spec', ...jsonSchemaOf(ClusterSchema) };
}

function jsonSchemaOf(schema: z.ZodType): SpecJsonSchema {
  return JSON.parse(JSON.stringify(z.toJSONSchema(schema, { io: 'input' })));
}

/** What a schema says about a place, one answer for each alternative. */
export function schemasAt(schema: z.ZodType, path: KeyPath): readonly SpecJsonSchema[] {
  return path.reduce<readonly SpecJsonSchema[]>(
    (schemas, step) => schemas.flatMap((parent) => childrenOf(parent, step)),
    alternatives(jsonSchemaOf(schema)),
  );
}

/** The keys a schema admits at a place; several alternatives give all of theirs. */
export function keysAt(schema: z.ZodType, path: KeyPath): readonly string[] {
  return [...new Set(schemasAt(schema, path).flatMap(({ properties }) => Object.keys(properties ?? {})))];
}

/** The schema itself, or its alternatives where it has some; each stands for the example of all. */
export function alternatives(schema: SpecJsonSchema): readonly SpecJsonSchema[] {
  const { anyOf, 'x-example': example } = schema;
  if (anyOf === undefined) return [schema];
  const shared = example === undefined ? {} : { 'x-example': example };
  return anyOf.flatMap((each) => alternatives({ ...shared, ...each }));
}

function childrenOf(schema: SpecJsonSchema, step: string | number): readonly SpecJsonSchema[] {
  const child =
    typeof step === 'number' ? schema.items : (schema.properties?.[step] ?? schema.additionalProperties);
  return typeof child === 'object' ? alternatives(child) : [];
}
