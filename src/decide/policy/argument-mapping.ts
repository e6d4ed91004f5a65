// How the arguments of a tool appear to Cedar: the typed part in `context.args`, the rest by name in
// `context.argsUnmapped`, everything as text in `context.argsJson`. Nothing is dropped silently.

import type { Json, JsonObject } from '../../base/encoding/json.ts';
import { WarderError } from '../../base/errors/errors.ts';

type ScalarKind = 'string' | 'integer' | 'boolean';

/** The Cedar type that a schema's place maps to. */
export type ArgumentType =
  | { readonly kind: ScalarKind }
  | { readonly kind: 'set'; readonly element: ScalarKind }
  | RecordMapping;

export interface RecordMapping {
  readonly kind: 'record';
  readonly members: ReadonlyMap<string, MemberMapping>;
}

export interface MemberMapping {
  readonly type: ArgumentType;
  /** Whether the schema demands it; others are optional attributes. */
  readonly required: boolean;
}

/** A place of the schema Cedar cannot see as a typed value, and why. */
export interface UnmappedPlace {
  /** JSON pointer into the arguments. */
  readonly pointer: string;
  readonly reason: string;
}

export interface ArgumentMapping {
  readonly root: RecordMapping;
  readonly unmapped: readonly UnmappedPlace[];
}

/** A value in Cedar's JSON form. */
export type CedarValue =
  string | number | boolean | readonly CedarValue[] | { readonly [name: string]: CedarValue };

/** The arguments of one call as Cedar sees them. */
export interface MappedArguments {
  readonly args: CedarValue;
  /** JSON pointers of values present in this call but not in `args`. */
  readonly unmapped: readonly string[];
}

const MAX_DEPTH = 8;
/** Member names Cedar's JSON reads as an entity or an extension value instead of a record. */
const ESCAPES: ReadonlySet<string> = new Set(['__entity', '__extn', '__expr']);

const mappings = new WeakMap<JsonObject, ArgumentMapping>();

/** The mapping of a tool's input schema; computed once per schema object. */
export function argumentMapping(inputSchema: JsonObject): ArgumentMapping {
  const known = mappings.get(inputSchema);
  if (known !== undefined) return known;
  const unmapped: UnmappedPlace[] = [];
  const root = recordOf(inputSchema, '', 1, unmapped);
  const made = { root, unmapped };
  mappings.set(inputSchema, made);
  return made;
}

function recordOf(
  schema: JsonObject,
  pointer: string,
  depth: number,
  unmapped: UnmappedPlace[],
): RecordMapping {
  const members = new Map<string, MemberMapping>();
  const required = Array.isArray(schema['required']) ? (schema['required'] as readonly Json[]) : [];
  const properties = asObject(schema['properties']) ?? {};
  for (const name of Object.keys(properties)) {
    const at = `${pointer}/${escapePointer(name)}`;
    const type = typeOf(name, properties[name], at, depth, unmapped);
    if (typeof type === 'string') unmapped.push({ pointer: at, reason: type });
    else members.set(name, { type, required: required.includes(name) });
  }
  if (schema['additionalProperties'] !== false && schema['unevaluatedProperties'] !== false) {
    const reason = 'the schema allows members it does not name';
    unmapped.push({ pointer: `${pointer}/*`, reason });
  }
  return { kind: 'record', members };
}

/** The type of one member, or the reason there is none. */
function typeOf(
  name: string,
  member: Json | undefined,
  pointer: string,
  depth: number,
  unmapped: UnmappedPlace[],
): ArgumentType | string {
  if (ESCAPES.has(name)) return 'Cedar reads a member of that name in its own way';
  const schema = asObject(member);
  if (schema === undefined) return 'its schema names no type';
  const type = schema['type'];
  switch (type) {
    case 'string':
    case 'integer':
    case 'boolean':
      return { kind: type };
    case 'array': {
      const items = asObject(schema['items'])?.['type'];
      const scalar = items === 'string' || items === 'integer' || items === 'boolean';
      if (!scalar || schema['prefixItems'] !== undefined) {
        return 'an array is visible only when all items are of one scalar type';
      }
      return { kind: 'set', element: items };
    }
    case 'object':
      if (depth >= MAX_DEPTH) return 'it is nested too deep';
      return recordOf(schema, pointer, depth + 1, unmapped);
    case 'number':
      return 'Cedar has no fractions';
    case undefined:
      return 'its schema names no type';
    default:
      return 'Cedar has no such type';
  }
}

/**
 * The arguments of one call under a mapping.
 *
 * @throws WarderError `policy-denied` when a value does not have the type its schema gave it: then
 *   Cedar would judge something else than the tool gets.
 */
export function mapArguments(mapping: ArgumentMapping, args: JsonObject): MappedArguments {
  const unmapped: string[] = [];
  return { args: mapRecord(mapping.root, args, '', unmapped), unmapped };
}

function mapRecord(
  mapping: RecordMapping,
  value: JsonObject,
  pointer: string,
  unmapped: string[],
): CedarValue {
  const record = Object.create(null) as Record<string, CedarValue>;
  for (const name of Object.keys(value)) {
    const at = `${pointer}/${escapePointer(name)}`;
    const member = mapping.members.get(name);
    const inner = value[name] as Json;
    if (member === undefined) unmapped.push(at);
    else record[name] = mapValue(member.type, inner, at, unmapped);
  }
  for (const [name, { required }] of mapping.members) {
    if (required && !Object.hasOwn(value, name)) unfit(`${pointer}/${escapePointer(name)}`);
  }
  return record;
}

function mapValue(
  type: ArgumentType,
  value: Json,
  pointer: string,
  unmapped: string[],
): CedarValue {
  switch (type.kind) {
    case 'set':
      if (!Array.isArray(value)) return unfit(pointer);
      return (value as readonly Json[]).map((item) => scalar(type.element, item, pointer));
    case 'record': {
      const object = asObject(value);
      return object === undefined ? unfit(pointer) : mapRecord(type, object, pointer, unmapped);
    }
    case 'string':
    case 'integer':
    case 'boolean':
      return scalar(type.kind, value, pointer);
  }
}

function scalar(kind: ScalarKind, value: Json, pointer: string): CedarValue {
  switch (kind) {
    case 'string':
      return typeof value === 'string' ? value : unfit(pointer);
    case 'boolean':
      return typeof value === 'boolean' ? value : unfit(pointer);
    case 'integer':
      return typeof value === 'number' && Number.isSafeInteger(value) ? value : unfit(pointer);
  }
}

function unfit(pointer: string): never {
  throw new WarderError('policy-denied', 'policy cannot judge an argument of another type', {
    hint: 'compare the arguments with the input schema of the tool',
    data: { path: pointer.slice(0, 200) },
  });
}

function asObject(value: Json | undefined): JsonObject | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as JsonObject)
    : undefined;
}

function escapePointer(name: string): string {
  return name.replaceAll('~', '~0').replaceAll('/', '~1');
}
