// Reads a tool's JSON Schema as hostile input and gives back a copy that holds only keywords the
// validator gets right: bounded, local, linear-time. Everything else is refused by its path.

import type { Json, JsonObject } from '../base/encoding/json.ts';
import { linearPattern } from './linear-pattern.ts';

/** One reason a schema is refused, with the JSON pointer of the place. */
export interface SchemaFault {
  readonly pointer: string;
  readonly reason: string;
}

/** A schema safe to compile. */
export interface VettedSchema {
  readonly schema: JsonObject;
  /** Number of subschemas; bounds the work of one validation per value. */
  readonly size: number;
}

/** Marks a subschema whose evaluation is counted, see schemas.ts. Not a name a schema can use. */
export const STEP_KEYWORD = 'warder:step';

const MAX_BYTES = 128 * 1024;
const MAX_DEPTH = 48;
const MAX_SUBSCHEMAS = 4000;
const MAX_FAULTS = 20;

/** Keywords that hold one schema, a list of schemas, a map of schemas. */
const ONE = [
  'not',
  'if',
  'then',
  'else',
  'items',
  'contains',
  'additionalProperties',
  'propertyNames',
];
const MANY = ['allOf', 'anyOf', 'oneOf', 'prefixItems'];
const MAP = ['properties', 'patternProperties', '$defs', 'definitions', 'dependentSchemas'];
/** Assertions that hold plain values. */
const PLAIN = [
  'type', 'enum', 'const', 'multipleOf', 'maximum', 'exclusiveMaximum', 'minimum',
  'exclusiveMinimum', 'maxLength', 'minLength', 'pattern', 'maxItems', 'minItems', 'uniqueItems',
  'maxContains', 'minContains', 'maxProperties', 'minProperties', 'required', 'dependentRequired',
]; // prettier-ignore

/** Keywords that change what a schema means and that are not checked as the standard says. */
const REFUSED: ReadonlyMap<string, string> = new Map([
  ['$dynamicRef', 'write the reference as `$ref`'],
  ['$dynamicAnchor', 'use `$anchor`'],
  ['$recursiveRef', 'write the reference as `$ref`'],
  ['$recursiveAnchor', 'leave it out'],
  ['$vocabulary', 'leave it out'],
  ['unevaluatedProperties', 'use `additionalProperties` in each branch'],
  ['unevaluatedItems', 'use `items` after `prefixItems`'],
  ['additionalItems', 'use `items` after `prefixItems`'],
  ['dependencies', 'use `dependentRequired` or `dependentSchemas`'],
  ['$data', 'write the value itself'],
  [STEP_KEYWORD, 'leave it out'],
]);

/** Dialects taken: 2020-12, and older ones as far as their keywords mean the same there. */
const DIALECT =
  /^https?:\/\/json-schema\.org\/(?:draft\/2020-12\/schema|draft\/2019-09\/schema|draft-0[67]\/schema)#?$/;

const SUBSCHEMA: ReadonlyMap<string, 'one' | 'many' | 'map'> = new Map([
  ...ONE.map((name) => [name, 'one'] as const),
  ...MANY.map((name) => [name, 'many'] as const),
  ...MAP.map((name) => [name, 'map'] as const),
]);
const KEPT: ReadonlySet<string> = new Set(PLAIN);

/**
 * Checks a schema and copies what matters of it. Annotations (`title`, `format`, `default`, unknown
 * keywords) are left out: 2020-12 does not assert them.
 */
export function vetSchema(
  schema: Json,
):
  | { readonly ok: true; readonly vetted: VettedSchema }
  | { readonly ok: false; readonly faults: readonly SchemaFault[] } {
  const walk = new Walk();
  if (JSON.stringify(schema).length > MAX_BYTES) {
    return {
      ok: false,
      faults: [{ pointer: '', reason: `larger than ${String(MAX_BYTES / 1024)} KiB` }],
    };
  }
  const copy = walk.subschema(schema, '', 0);
  walk.checkReferences();
  if (walk.faults.length > 0) return { ok: false, faults: walk.faults };
  return {
    ok: true,
    vetted: { schema: typeof copy === 'object' ? copy : {}, size: walk.pointers.size },
  };
}

type Copy = JsonObject | boolean;
type Draft = Record<string, Json>;

class Walk {
  readonly faults: SchemaFault[] = [];
  /** Every place where a schema stands. */
  readonly pointers = new Set<string>();
  readonly #anchors = new Set<string>();
  readonly #references: { pointer: string; target: string }[] = [];

  fault(pointer: string, reason: string): void {
    if (this.faults.length < MAX_FAULTS) this.faults.push({ pointer, reason });
  }

  subschema(schema: Json, pointer: string, depth: number): Copy {
    this.pointers.add(pointer);
    if (depth > MAX_DEPTH) {
      this.fault(pointer, `nested deeper than ${String(MAX_DEPTH)}`);
      return true;
    }
    if (this.pointers.size > MAX_SUBSCHEMAS) {
      if (this.pointers.size === MAX_SUBSCHEMAS + 1) {
        this.fault(pointer, `more than ${String(MAX_SUBSCHEMAS)} subschemas`);
      }
      return true;
    }
    if (typeof schema === 'boolean') return schema;
    if (!isObject(schema)) {
      this.fault(pointer, 'a schema is an object or a boolean');
      return true;
    }
    const copy: Draft = {};
    for (const key of Object.keys(schema)) {
      this.#keyword(schema, key, schema[key] as Json, copy, pointer, depth);
    }
    return copy;
  }

  #keyword(
    schema: JsonObject,
    key: string,
    value: Json,
    copy: Draft,
    pointer: string,
    depth: number,
  ): void {
    const at = `${pointer}/${escapeSegment(key)}`;
    const remedy = REFUSED.get(key);
    if (remedy !== undefined) {
      this.fault(at, `\`${key}\` is not supported: ${remedy}`);
      return;
    }
    switch (SUBSCHEMA.get(key)) {
      case 'one':
        if (Array.isArray(value))
          this.fault(at, `\`${key}\` is a schema; for a tuple use \`prefixItems\``);
        else copy[key] = this.subschema(value, at, depth + 1);
        return;
      case 'many':
        if (!Array.isArray(value)) this.fault(at, `\`${key}\` is a list of schemas`);
        else
          copy[key] = value.map((item: Json, index) =>
            this.subschema(item, `${at}/${String(index)}`, depth + 1),
          );
        return;
      case 'map':
        if (!isObject(value)) this.fault(at, `\`${key}\` is an object of schemas`);
        else copy[key] = this.#map(key, value, at, depth);
        return;
      case undefined:
    }
    if (KEPT.has(key)) this.#plain(key, value, copy, at);
    else this.#identity(schema, key, value, copy, at, depth);
  }

  #map(keyword: string, map: JsonObject, at: string, depth: number): JsonObject {
    const copy: Draft = {};
    for (const name of Object.keys(map)) {
      const place = `${at}/${escapeSegment(name)}`;
      if (name === '__proto__') {
        this.fault(place, 'the name `__proto__` is not supported');
        continue;
      }
      if (keyword === 'patternProperties') this.#pattern(name, place);
      copy[name] = this.subschema(map[name] as Json, place, depth + 1);
    }
    return copy;
  }

  #plain(key: string, value: Json, copy: Draft, at: string): void {
    if (key === 'pattern' && typeof value === 'string') this.#pattern(value, at);
    const names =
      key === 'required'
        ? value
        : isObject(value) && key === 'dependentRequired'
          ? [...Object.keys(value), ...Object.values(value).flat()]
          : [];
    if (Array.isArray(names) && names.includes('__proto__')) {
      this.fault(at, 'the name `__proto__` is not supported');
    }
    copy[key] = value;
  }

  #pattern(source: string, at: string): void {
    try {
      linearPattern(source);
    } catch (cause) {
      this.fault(at, `pattern refused: ${cause instanceof Error ? cause.message : String(cause)}`);
    }
  }

  /** `$schema`, `$id`, `$anchor`, `$ref`; anything else is an annotation and is dropped. */
  #identity(
    _schema: JsonObject,
    key: string,
    value: Json,
    copy: Draft,
    at: string,
    depth: number,
  ): void {
    switch (key) {
      case '$schema':
        if (depth > 0 || typeof value !== 'string' || !DIALECT.test(value)) {
          this.fault(at, 'the dialect must be JSON Schema 2020-12');
        }
        return;
      case '$id':
        if (depth > 0) this.fault(at, 'a nested `$id` is not supported: use `$defs` and `$ref`');
        return;
      case '$anchor':
        if (
          typeof value !== 'string' ||
          !/^[A-Za-z_][A-Za-z0-9_.-]*$/.test(value) ||
          this.#anchors.has(value)
        ) {
          this.fault(at, 'an anchor is a plain name, used once');
        } else {
          this.#anchors.add(value);
          copy[key] = value;
        }
        return;
      case '$ref':
        if (typeof value !== 'string' || !value.startsWith('#')) {
          this.fault(
            at,
            'a reference must stay inside the schema (`#/$defs/...`): nothing is fetched',
          );
        } else {
          this.#references.push({ pointer: at, target: value });
          copy[key] = value;
          copy[STEP_KEYWORD] = true;
        }
        return;
      default:
    }
  }

  /** Every reference must lead to a place that was walked. */
  checkReferences(): void {
    for (const { pointer, target } of this.#references) {
      const fragment = decodeFragment(target.slice(1));
      const known =
        fragment !== undefined &&
        (fragment === '' || fragment.startsWith('/')
          ? this.pointers.has(normalisePointer(fragment))
          : this.#anchors.has(fragment));
      if (!known)
        this.fault(pointer, `\`${target.slice(0, 80)}\` leads to no schema in this document`);
    }
  }
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function escapeSegment(name: string): string {
  return name.replaceAll('~', '~0').replaceAll('/', '~1');
}

function normalisePointer(pointer: string): string {
  return pointer
    .split('/')
    .map((segment) => escapeSegment(segment.replaceAll('~1', '/').replaceAll('~0', '~')))
    .join('/');
}

function decodeFragment(fragment: string): string | undefined {
  try {
    return decodeURIComponent(fragment);
  } catch {
    return undefined;
  }
}
