// JSON to WIT values and back, in the form jco's glue takes and gives them.

import type { WitCase, WitField, WitType } from '../../transpile/wit-type.ts';

/** An argument cannot be written as the WIT type asks. The message names the path. */
export class ValueError extends Error {
  override readonly name = 'ValueError';
}

type JsonValue =
  null | boolean | number | string | readonly JsonValue[] | { readonly [key: string]: JsonValue };

const ARRAYS = {
  s8: Int8Array,
  u16: Uint16Array,
  s16: Int16Array,
  u32: Uint32Array,
  s32: Int32Array,
  u64: BigUint64Array,
  s64: BigInt64Array,
  f32: Float32Array,
  f64: Float64Array,
} as const;

const NUMBERS: ReadonlyMap<string, number> = new Map([
  ['NaN', NaN],
  ['Infinity', Infinity],
  ['-Infinity', -Infinity],
]);

const INTEGER_BITS: Readonly<Record<string, readonly [signed: boolean, bits: number]>> = {
  s8: [true, 8],
  u8: [false, 8],
  s16: [true, 16],
  u16: [false, 16],
  s32: [true, 32],
  u32: [false, 32],
  s64: [true, 64],
  u64: [false, 64],
};

/** `kebab-case` as jco writes it in JavaScript. */
export function camelCase(name: string): string {
  return name
    .split('-')
    .map((word, index) => {
      const lower = word.toLowerCase();
      return index === 0 ? lower : lower.charAt(0).toUpperCase() + lower.slice(1);
    })
    .join('');
}

/**
 * A JSON value as an argument of `type`.
 *
 * @throws ValueError
 */
export function toWit(type: WitType, value: unknown, path: string): unknown {
  const fail = (wanted: string): never => {
    throw new ValueError(`\`${path}\` must be ${wanted}`);
  };
  switch (type.kind) {
    case 'bool':
      return typeof value === 'boolean' ? value : fail('true or false');
    case 'string':
      return typeof value === 'string' ? value : fail('a string');
    case 'char':
      return typeof value === 'string' && [...value].length === 1 ? value : fail('one character');
    case 's8':
    case 'u8':
    case 's16':
    case 'u16':
    case 's32':
    case 'u32':
    case 's64':
    case 'u64':
      return integer(type.kind, value, fail);
    case 'f32':
    case 'f64':
      if (typeof value === 'number') return value;
      return (typeof value === 'string' ? NUMBERS.get(value) : undefined) ?? fail('a number');
    case 'list':
      return list(type.of, value, path, fail);
    case 'option':
      return option(type.of, value, path, fail);
    case 'tuple':
      if (!Array.isArray(value) || value.length !== type.of.length) {
        return fail(`an array of ${String(type.of.length)}`);
      }
      return type.of.map((of, index) => toWit(of, value[index], `${path}/${String(index)}`));
    case 'record':
      return record(type.fields, value, path, fail);
    case 'variant':
      return tagged(type.cases, value, path, fail);
    case 'result':
      return tagged(resultCases(type), value, path, fail);
    case 'enum':
      return typeof value === 'string' && type.names.includes(value)
        ? value
        : fail(`one of ${type.names.map((name) => `\`${name}\``).join(', ')}`);
    case 'flags':
      if (!Array.isArray(value) || !value.every((each) => type.names.includes(each as string))) {
        return fail(`an array of ${type.names.map((name) => `\`${name}\``).join(', ')}`);
      }
      return Object.fromEntries(type.names.map((name) => [camelCase(name), value.includes(name)]));
    case 'opaque':
      return fail('something JSON cannot say');
  }
}

type Fail = (wanted: string) => never;

function integer(kind: keyof typeof INTEGER_BITS, value: unknown, fail: Fail): number | bigint {
  const [signed, bits] = INTEGER_BITS[kind] ?? [false, 8];
  let exact: bigint;
  if (typeof value === 'number' && Number.isSafeInteger(value)) exact = BigInt(value);
  else if (bits === 64 && typeof value === 'string' && /^-?\d{1,20}$/.test(value))
    exact = BigInt(value);
  else return fail(`an integer (${kind})`);
  const fits = signed ? BigInt.asIntN(bits, exact) : BigInt.asUintN(bits, exact);
  if (fits !== exact) return fail(`an integer (${kind})`);
  return bits === 64 ? exact : Number(exact);
}

function list(of: WitType, value: unknown, path: string, fail: Fail): unknown {
  if (of.kind === 'u8') {
    if (typeof value !== 'string' || !isBase64(value)) return fail('base64 text');
    return new Uint8Array(Buffer.from(value, 'base64'));
  }
  if (!Array.isArray(value)) return fail('an array');
  const items = value.map((item: unknown, index) => toWit(of, item, `${path}/${String(index)}`));
  if (!Object.hasOwn(ARRAYS, of.kind)) return items;
  return Reflect.construct(ARRAYS[of.kind as keyof typeof ARRAYS], [items]) as unknown;
}

function isBase64(text: string): boolean {
  return /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(text);
}

function option(of: WitType, value: unknown, path: string, fail: Fail): unknown {
  const nested = of.kind === 'option';
  if (value === null || value === undefined) return nested ? { tag: 'none' } : undefined;
  if (!nested) return toWit(of, value, path);
  if (!isObject(value)) return fail('null or `{"some": …}`');
  return { tag: 'some', val: toWit(of, own(value, 'some'), `${path}/some`) };
}

function record(fields: readonly WitField[], value: unknown, path: string, fail: Fail): unknown {
  if (!isObject(value)) return fail('an object');
  return Object.fromEntries(
    fields.map(({ name, type }) => [
      camelCase(name),
      toWit(type, own(value, name), `${path}/${name}`),
    ]),
  );
}

function tagged(cases: readonly WitCase[], value: unknown, path: string, fail: Fail): unknown {
  const tag = isObject(value) ? own(value, 'tag') : undefined;
  const chosen = cases.find(({ name }) => name === tag);
  if (!isObject(value) || chosen === undefined) {
    return fail(
      `an object whose \`tag\` is one of ${cases.map(({ name }) => `\`${name}\``).join(', ')}`,
    );
  }
  if (chosen.type === undefined) return { tag };
  return { tag, val: toWit(chosen.type, own(value, 'val'), `${path}/val`) };
}

function resultCases(type: { readonly ok?: WitType; readonly err?: WitType }): WitCase[] {
  return [
    { name: 'ok', ...(type.ok && { type: type.ok }) },
    { name: 'err', ...(type.err && { type: type.err }) },
  ];
}

/** A value the glue gave, as JSON. */
export function fromWit(type: WitType, value: unknown): JsonValue {
  switch (type.kind) {
    case 'bool':
    case 'string':
    case 'char':
    case 'enum':
    case 's8':
    case 'u8':
    case 's16':
    case 'u16':
    case 's32':
    case 'u32':
      return value as JsonValue;
    case 's64':
    case 'u64': {
      const exact = value as bigint;
      const small =
        exact >= BigInt(Number.MIN_SAFE_INTEGER) && exact <= BigInt(Number.MAX_SAFE_INTEGER);
      return small ? Number(exact) : String(exact);
    }
    case 'f32':
    case 'f64':
      return Number.isFinite(value) ? (value as number) : String(value);
    case 'list': {
      if (type.of.kind === 'u8') return Buffer.from(value as Uint8Array).toString('base64');
      return Array.from(value as ArrayLike<unknown>, (item) => fromWit(type.of, item));
    }
    case 'option':
      if (type.of.kind !== 'option') {
        return value === undefined || value === null ? null : fromWit(type.of, value);
      }
      return (value as Tagged).tag === 'none'
        ? null
        : { some: fromWit(type.of, (value as Tagged).val) };
    case 'tuple':
      return type.of.map((of, index) => fromWit(of, (value as readonly unknown[])[index]));
    case 'record':
      return Object.fromEntries(
        type.fields.map(({ name, type: of }) => [
          name,
          fromWit(of, (value as Record<string, unknown>)[camelCase(name)]),
        ]),
      );
    case 'variant':
      return fromTagged(type.cases, value as Tagged);
    case 'result':
      return fromTagged(resultCases(type), value as Tagged);
    case 'flags':
      return type.names.filter(
        (name) => (value as Record<string, unknown>)[camelCase(name)] === true,
      );
    case 'opaque':
      return null;
  }
}

interface Tagged {
  readonly tag: string;
  readonly val?: unknown;
}

function fromTagged(cases: readonly WitCase[], value: Tagged): JsonValue {
  const type = cases.find(({ name }) => name === value.tag)?.type;
  return type === undefined
    ? { tag: value.tag }
    : { tag: value.tag, val: fromWit(type, value.val) };
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function own(object: Readonly<Record<string, unknown>>, name: string): unknown {
  return Object.hasOwn(object, name) ? object[name] : undefined;
}
