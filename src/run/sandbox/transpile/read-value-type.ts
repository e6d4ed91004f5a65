// Reads value types of the component model's binary format. Types are referred to by index, so what
// is read before is handed in.

import { BinaryReader, broken } from '../../../catalog/binary-reader.ts';
import { checkLabel } from '../../../catalog/component-names.ts';
import { partsOf, type WitCase, type WitField, type WitScalar, type WitType } from './wit-type.ts';

const MAX_ITEMS = 20_000;
const MAX_NAME = 1024;
/** Parts of one type when written out; types refer to each other, so a few bytes could mean millions. */
const MAX_WEIGHT = 2000;

const SCALARS: ReadonlyMap<number, WitScalar> = new Map([
  [0x7f, 'bool'],
  [0x7e, 's8'],
  [0x7d, 'u8'],
  [0x7c, 's16'],
  [0x7b, 'u16'],
  [0x7a, 's32'],
  [0x79, 'u32'],
  [0x78, 's64'],
  [0x77, 'u64'],
  [0x76, 'f32'],
  [0x75, 'f64'],
  [0x74, 'char'],
  [0x73, 'string'],
]);

/** The value type with that index. */
export type TypeAt = (index: number) => WitType;

/** A type by its first byte, or by reference. */
export function readValueType(reader: BinaryReader, typeAt: TypeAt): WitType {
  const first = reader.peek();
  const scalar = SCALARS.get(first);
  if (scalar !== undefined) {
    reader.byte();
    return { kind: scalar };
  }
  if (first === 0x64) {
    reader.byte();
    return { kind: 'opaque', what: 'error-context' };
  }
  return typeAt(reader.u32());
}

/** Names with types: parameters, record fields. */
export function readFields(reader: BinaryReader, typeAt: TypeAt): WitField[] {
  const count = reader.count('fields of a type', MAX_ITEMS);
  return Array.from({ length: count }, () => ({
    name: checkLabel(reader.name(MAX_NAME)),
    type: readValueType(reader, typeAt),
  }));
}

/**
 * A type definition whose first byte was read.
 *
 * @throws WarderError `not-admitted`
 */
export function readValueDefinition(kind: number, reader: BinaryReader, typeAt: TypeAt): WitType {
  return weighed(readDefinition(kind, reader, typeAt));
}

function readDefinition(kind: number, reader: BinaryReader, typeAt: TypeAt): WitType {
  const scalar = SCALARS.get(kind);
  if (scalar !== undefined) return { kind: scalar };
  const one = (): WitType => readValueType(reader, typeAt);
  const optional = (): WitType | undefined => (reader.byte() === 0x00 ? undefined : one());
  const many = <T>(what: string, read: () => T): T[] =>
    Array.from({ length: reader.count(what, MAX_ITEMS) }, read);
  switch (kind) {
    case 0x72:
      return { kind: 'record', fields: readFields(reader, typeAt) };
    case 0x71:
      return { kind: 'variant', cases: many('cases of a type', () => readCase(reader, optional)) };
    case 0x70:
      return { kind: 'list', of: one() };
    case 0x6f:
      return { kind: 'tuple', of: many('members of a tuple', one) };
    case 0x6e:
      return { kind: 'flags', names: many('flags', () => checkLabel(reader.name(MAX_NAME))) };
    case 0x6d:
      return {
        kind: 'enum',
        names: many('cases of a type', () => checkLabel(reader.name(MAX_NAME))),
      };
    case 0x6b:
      return { kind: 'option', of: one() };
    case 0x6a: {
      const ok = optional();
      const err = optional();
      return { kind: 'result', ...(ok && { ok }), ...(err && { err }) };
    }
    case 0x69:
    case 0x68:
      reader.u32();
      return { kind: 'opaque', what: 'resource' };
    case 0x66:
    case 0x65:
      optional();
      return { kind: 'opaque', what: kind === 0x66 ? 'stream' : 'future' };
    default:
      throw broken(`a type of the unknown kind ${String(kind)}`);
  }
}

function readCase(reader: BinaryReader, optional: () => WitType | undefined): WitCase {
  const name = checkLabel(reader.name(MAX_NAME));
  const type = optional();
  if (reader.byte() !== 0x00) throw broken('a variant that refines another');
  return type === undefined ? { name } : { name, type };
}

const weights = new WeakMap<WitType, number>();

function weighed(type: WitType): WitType {
  const weight = partsOf(type).reduce((sum, part) => sum + (weights.get(part) ?? 1), 1);
  if (weight > MAX_WEIGHT) throw broken(`a type of more than ${String(MAX_WEIGHT)} parts`);
  weights.set(type, weight);
  return type;
}
