// Compiled input and output schemas. ajv does the work on vetted schemas; what ajv does in more
// than linear time, or wrongly for objects without a prototype, is replaced here.

import { createHash } from 'node:crypto';
import { Ajv2020, type ErrorObject, type ValidateFunction } from 'ajv/dist/2020.js';
import type { Json, JsonObject } from '../base/encoding/json.ts';
import { WarderError } from '../base/errors/errors.ts';
import type { ToolDefinition } from './installation.ts';
import { linearPattern } from './linear-pattern.ts';
import { STEP_KEYWORD, vetSchema, type SchemaFault, type VettedSchema } from './schema-vetting.ts';

/** References followed in one validation; more means a schema built to explode. */
const MAX_STEPS = 200_000;
/** Product of subschemas and values up to which all faults are looked for, not only the first. */
const MAX_THOROUGH = 500_000;
const MAX_PATHS = 32;
const MAX_COMPILED = 1000;

/** A schema compiled once. */
export interface CompiledSchema {
  /** Paths and reasons of what is wrong with `value`; empty when it is valid. */
  check(value: Json): readonly ValueFault[];
}

/** One place where a value does not satisfy a schema. */
export interface ValueFault {
  /** JSON pointer into the value. */
  readonly path: string;
  readonly reason: string;
}

class OutOfSteps extends Error {}

let steps = 0;

const compiled = new Map<string, CompiledSchema>();
const byIdentity = new WeakMap<JsonObject, CompiledSchema>();

/**
 * Compiles a schema, or finds it compiled.
 *
 * @throws WarderError `not-admitted` with every place that is refused.
 */
export function compileSchema(schema: JsonObject): CompiledSchema {
  const key = createHash('sha256').update(JSON.stringify(schema)).digest('base64');
  const known = compiled.get(key);
  if (known !== undefined) return known;
  const result = vetSchema(schema);
  if (!result.ok) throw refusedSchema(result.faults);
  const faults = checkDialect(result.vetted.schema);
  if (faults.length > 0) throw refusedSchema(faults);
  const made = makeSchema(result.vetted);
  if (compiled.size >= MAX_COMPILED) {
    const oldest = compiled.keys().next().value;
    if (oldest !== undefined) compiled.delete(oldest);
  }
  compiled.set(key, made);
  return made;
}

/**
 * Checks a call's arguments against the tool's input schema.
 *
 * @throws WarderError `schema-violation` with every bad path.
 */
export function checkArguments(definition: ToolDefinition, args: JsonObject): void {
  const faults = compiledOnce(definition.inputSchema).check(args);
  if (faults.length === 0) return;
  const shown = faults
    .slice(0, 3)
    .map(({ path, reason }) => `\`${path === '' ? '/' : path}\` ${reason}`);
  const more =
    faults.length > shown.length ? ` and ${String(faults.length - shown.length)} more` : '';
  throw new WarderError(
    'schema-violation',
    `arguments of \`${definition.name}\`: ${shown.join('; ')}${more}`,
    {
      hint: 'compare the arguments with the input schema of the tool',
      data: { tool: definition.name, faults },
    },
  );
}

/**
 * Checks `structuredContent` against the tool's output schema, if it has one; then it must be there.
 *
 * @returns what is wrong; the caller decides what that means.
 */
export function checkStructured(
  definition: ToolDefinition,
  structured: JsonObject | undefined,
): readonly ValueFault[] {
  if (definition.outputSchema === undefined) return [];
  if (structured === undefined) return [{ path: '', reason: 'is missing' }];
  return compiledOnce(definition.outputSchema).check(structured);
}

/** Found by identity: digesting the schema costs more than validating. */
function compiledOnce(schema: JsonObject): CompiledSchema {
  const known = byIdentity.get(schema);
  if (known !== undefined) return known;
  const made = compileSchema(schema);
  byIdentity.set(schema, made);
  return made;
}

function refusedSchema(faults: readonly SchemaFault[]): WarderError {
  const shown = faults
    .slice(0, 3)
    .map(({ pointer, reason }) => `\`${pointer === '' ? '/' : pointer}\` ${reason}`);
  return new WarderError('not-admitted', `schema refused: ${shown.join('; ')}`, {
    hint: 'change the schema as named, then add the tool again',
    data: { faults },
  });
}

function makeSchema(vetted: VettedSchema): CompiledSchema {
  const quick = compileWith(false, vetted.schema);
  let thorough: ValidateFunction | undefined;
  return {
    check(value: Json): readonly ValueFault[] {
      steps = 0;
      try {
        if (quick(value)) return [];
        let errors = quick.errors ?? [];
        if (vetted.size * countValues(value, MAX_THOROUGH) <= MAX_THOROUGH) {
          thorough ??= compileWith(true, vetted.schema);
          steps = 0;
          thorough(value);
          errors = thorough.errors ?? errors;
        }
        return toFaults(errors);
      } catch (thrown) {
        if (thrown instanceof OutOfSteps || thrown instanceof RangeError) {
          return [{ path: '', reason: 'takes too many steps to check' }];
        }
        throw thrown;
      }
    },
  };
}

function compileWith(allErrors: boolean, schema: JsonObject): ValidateFunction {
  try {
    return makeAjv(allErrors).compile(schema);
  } catch (cause) {
    throw new WarderError(
      'not-admitted',
      `schema refused: ${cause instanceof Error ? cause.message : String(cause)}`,
      { hint: 'the schema must be valid JSON Schema 2020-12', cause },
    );
  }
}

let metaAjv: Ajv2020 | undefined;

/** Checks a schema against the meta-schema of 2020-12. */
function checkDialect(schema: JsonObject): readonly SchemaFault[] {
  metaAjv ??= new Ajv2020({
    strict: false,
    validateFormats: false,
    logger: false,
    allErrors: true,
  });
  if (metaAjv.validate('https://json-schema.org/draft/2020-12/schema', schema)) return [];
  return (metaAjv.errors ?? []).slice(0, MAX_PATHS).map((error) => ({
    pointer: error.instancePath,
    reason: error.message ?? 'is not JSON Schema 2020-12',
  }));
}

/** One per schema: ajv keeps what it compiled, and one schema must not meet another's names. */
function makeAjv(allErrors: boolean): Ajv2020 {
  const ajv = new Ajv2020({
    allErrors,
    strict: false,
    ownProperties: true,
    meta: false,
    validateSchema: false,
    validateFormats: false,
    inlineRefs: false,
    logger: false,
    code: { regExp: Object.assign(patternFor, { code: 'patternFor' }) },
  });
  for (const keyword of ['const', 'enum', 'uniqueItems']) ajv.removeKeyword(keyword);
  ajv.addKeyword({
    keyword: STEP_KEYWORD,
    before: '$ref',
    validate: (): boolean => {
      steps += 1;
      if (steps > MAX_STEPS) throw new OutOfSteps();
      return true;
    },
    schema: false,
  });
  ajv.addKeyword({
    keyword: 'const',
    compile: (allowed: Json) => oneOfValues([allowed]),
    errors: false,
  });
  ajv.addKeyword({
    keyword: 'enum',
    schemaType: 'array',
    compile: (allowed: Json[]) => oneOfValues(allowed),
    errors: false,
  });
  ajv.addKeyword({
    keyword: 'uniqueItems',
    type: 'array',
    schemaType: 'boolean',
    compile: (wanted: boolean) => (items: Json[]) => !wanted || allDifferent(items),
    errors: false,
  });
  return ajv;
}

/** ajv tells patterns apart by their `toString`. */
function patternFor(source: string): { test(text: string): boolean; toString(): string } {
  return { ...linearPattern(source), toString: () => source };
}

function oneOfValues(allowed: readonly Json[]): (value: Json) => boolean {
  const scalars = new Set<Json>(
    allowed.filter((value) => typeof value !== 'object' || value === null),
  );
  const others = new Set(
    allowed.filter((value) => typeof value === 'object' && value !== null).map(identity),
  );
  return (value) =>
    scalars.has(value) ||
    (others.size > 0 && typeof value === 'object' && value !== null && others.has(identity(value)));
}

function allDifferent(items: readonly Json[]): boolean {
  const seen = new Set<string>();
  for (const item of items) {
    const text = identity(item);
    if (seen.has(text)) return false;
    seen.add(text);
  }
  return true;
}

/** A text that is the same for values JSON Schema calls equal, and for no others. */
function identity(value: Json): string {
  if (Array.isArray(value)) return `[${value.map(identity).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const object = value as JsonObject;
  const members = Object.keys(object)
    .sort()
    .map((key) => `${JSON.stringify(key)}:${identity(object[key] as Json)}`);
  return `{${members.join(',')}}`;
}

function countValues(value: Json, limit: number): number {
  const waiting: Json[] = [value];
  let count = 0;
  for (let next = waiting.pop(); next !== undefined && count < limit; next = waiting.pop()) {
    count += 1;
    if (typeof next === 'object' && next !== null)
      waiting.push(...Object.values(next).slice(0, limit));
  }
  return count;
}

function toFaults(errors: readonly ErrorObject[]): readonly ValueFault[] {
  const faults = new Map<string, ValueFault>();
  for (const error of errors) {
    const path = error.instancePath + namedMember(error);
    const reason = reasonOf(error);
    faults.set(`${path} ${reason}`, { path, reason });
    if (faults.size >= MAX_PATHS) break;
  }
  return [...faults.values()];
}

/** Errors about a member of an object point at the member, not at the object. */
function namedMember(error: ErrorObject): string {
  const name: unknown = error.params['missingProperty'] ?? error.params['additionalProperty'];
  return typeof name === 'string'
    ? `/${name.replaceAll('~', '~0').replaceAll('/', '~1').slice(0, 100)}`
    : '';
}

function reasonOf(error: ErrorObject): string {
  switch (error.keyword) {
    case 'required':
    case 'dependentRequired':
      return 'is missing';
    case 'additionalProperties':
      return 'is not a known argument';
    case 'const':
    case 'enum':
      return 'is not one of the allowed values';
    case 'uniqueItems':
      return 'has an item twice';
    case 'false schema':
      return 'is not allowed here';
    default:
      return error.message ?? `fails \`${error.keyword}\``;
  }
}
