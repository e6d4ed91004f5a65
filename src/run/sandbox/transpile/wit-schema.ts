// JSON Schema of WIT types: how an agent writes the arguments of a bare component's functions.

import type { JsonObject } from '../../../base/encoding/json.ts';
import type { WitType } from './wit-type.ts';

/** Inclusive bounds of the integers JSON can carry exactly. */
const INTEGERS: Readonly<Record<string, readonly [number, number]>> = {
  s8: [-128, 127],
  u8: [0, 255],
  s16: [-32_768, 32_767],
  u16: [0, 65_535],
  s32: [-2_147_483_648, 2_147_483_647],
  u32: [0, 4_294_967_295],
};

/** The schema of values of a type; see values.ts of the component engine for the same mapping at work. */
export function schemaOf(type: WitType): JsonObject {
  switch (type.kind) {
    case 'bool':
      return { type: 'boolean' };
    case 'string':
      return { type: 'string' };
    case 'char':
      return { type: 'string', minLength: 1, maxLength: 1 };
    case 's8':
    case 'u8':
    case 's16':
    case 'u16':
    case 's32':
    case 'u32': {
      const [minimum, maximum] = INTEGERS[type.kind] ?? [0, 0];
      return { type: 'integer', minimum, maximum };
    }
    case 's64':
      return { anyOf: [{ type: 'integer' }, { type: 'string', pattern: '^-?[0-9]{1,20}$' }] };
    case 'u64':
      return {
        anyOf: [
          { type: 'integer', minimum: 0 },
          { type: 'string', pattern: '^[0-9]{1,20}$' },
        ],
      };
    case 'f32':
    case 'f64':
      return { anyOf: [{ type: 'number' }, { enum: ['NaN', 'Infinity', '-Infinity'] }] };
    case 'list':
      if (type.of.kind === 'u8') return { type: 'string', contentEncoding: 'base64' };
      return { type: 'array', items: schemaOf(type.of) };
    case 'option':
      return {
        anyOf: [{ type: 'null' }, wrapsNull(type.of) ? someSchema(type.of) : schemaOf(type.of)],
      };
    case 'tuple':
      return {
        type: 'array',
        prefixItems: type.of.map(schemaOf),
        minItems: type.of.length,
        maxItems: type.of.length,
      };
    case 'record':
      return recordSchema(type.fields);
    case 'variant':
      return { oneOf: type.cases.map((each) => caseSchema(each.name, each.type)) };
    case 'result':
      return { oneOf: [caseSchema('ok', type.ok), caseSchema('err', type.err)] };
    case 'enum':
      return { enum: [...type.names] };
    case 'flags':
      return { type: 'array', items: { enum: [...type.names] }, uniqueItems: true };
    case 'opaque':
      return { not: {} };
  }
}

/** The schema of an object with one member per field; an optional field may be left out. */
export function recordSchema(
  fields: readonly { readonly name: string; readonly type: WitType }[],
): JsonObject {
  return {
    type: 'object',
    properties: Object.fromEntries(fields.map(({ name, type }) => [name, schemaOf(type)])),
    required: fields.filter(({ type }) => type.kind !== 'option').map(({ name }) => name),
    additionalProperties: false,
  };
}

/** `option<option<T>>` needs a wrapper: null alone would be ambiguous. */
function wrapsNull(type: WitType): boolean {
  return type.kind === 'option';
}

function someSchema(type: WitType): JsonObject {
  return recordSchema([{ name: 'some', type }]);
}

function caseSchema(name: string, type: WitType | undefined): JsonObject {
  return {
    type: 'object',
    properties: { tag: { const: name }, ...(type && { val: schemaOf(type) }) },
    required: ['tag', ...(type && type.kind !== 'option' ? ['val'] : [])],
    additionalProperties: false,
  };
}
