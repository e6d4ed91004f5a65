// Types and constant expressions of core modules, read and not compiled. What a module could use to take
// memory outside of its limit (garbage-collected structs and arrays) or to wait (threads) is refused here.

import { WarderError } from '../base/errors/errors.ts';
import { type BinaryReader, broken } from './binary-reader.ts';
import { CAPS, tooMany } from './module-caps.ts';

/** Bounds of a memory in pages of 64 KiB, or of a table in elements. */
export interface Bounds {
  readonly minimum: number;
  readonly maximum: number | undefined;
}

const PAGES = 65_536;
const FUNCTION = 0x60;

const VALUES: ReadonlyMap<number, string> = new Map([
  [0x7f, 'i32'],
  [0x7e, 'i64'],
  [0x7d, 'f32'],
  [0x7c, 'f64'],
  [0x7b, 'v128'],
  [0x70, 'funcref'],
  [0x6f, 'externref'],
  [0x69, 'exnref'],
]);
/** Heap types of references: functions, external values, exceptions, and nothing of each. */
const HEAP_TYPES: ReadonlySet<number> = new Set([0x70, 0x6f, 0x69, 0x73, 0x72, 0x74]);
/** Forms of the garbage collection proposal: arrays, structs, subtypes, recursive groups, descriptors. */
const GC_FORMS: ReadonlySet<number> = new Set([0x5e, 0x5f, 0x50, 0x4f, 0x4e, 0x4d, 0x4c]);
const GC_VALUES: ReadonlySet<number> = new Set([0x6e, 0x6d, 0x6c, 0x6b, 0x6a, 0x71]);

/** A function type as text, e.g. `i32 i64 -> i32`. */
export function readFunctionType(reader: BinaryReader): string {
  const form = reader.byte();
  if (GC_FORMS.has(form)) throw garbageCollected();
  if (form !== FUNCTION) throw broken('a type of an unknown form');
  const parameters = readValues(reader, 'parameters of a function', CAPS.parameters);
  const results = readValues(reader, 'results of a function', CAPS.results);
  return `${parameters} -> ${results}`.trim();
}

function readValues(reader: BinaryReader, what: string, limit: number): string {
  const types: string[] = [];
  for (let left = reader.count(what, limit); left > 0; left -= 1) {
    types.push(readValueType(reader));
  }
  return types.join(' ');
}

export function readValueType(reader: BinaryReader): string {
  const type = reader.byte();
  if (type === 0x63 || type === 0x64) {
    readHeapType(reader);
    return 'ref';
  }
  const name = VALUES.get(type);
  if (name !== undefined) return name;
  throw GC_VALUES.has(type) ? garbageCollected() : broken('a value of an unknown type');
}

/** Abstract types are single bytes; anything else is the index of a type, which is a function's. */
function readHeapType(reader: BinaryReader): void {
  const first = reader.peek();
  if (first < 0x80 && (first & 0x40) !== 0) {
    reader.byte();
    if (GC_VALUES.has(first)) throw garbageCollected();
    if (!HEAP_TYPES.has(first)) throw broken('a reference to an unknown type');
    return;
  }
  reader.skipSigned(33);
}

/** One memory type, in pages. @throws WarderError `not-admitted` for shared, 64-bit and odd-paged memories. */
export function readMemory(reader: BinaryReader): Bounds {
  const flags = reader.byte();
  if (flags > 0x01) {
    throw new WarderError(
      'not-admitted',
      (flags & 0x08) === 0
        ? 'the module has a shared or 64-bit memory'
        : 'the module has a memory with pages of its own size',
      { hint: 'build for wasm32 without threads' },
    );
  }
  const bounds = readBounds(reader, flags);
  const { minimum, maximum = 0 } = bounds;
  if (minimum > PAGES || maximum > PAGES) throw broken('a memory of an impossible size');
  return bounds;
}

/** One table type, in elements. @throws WarderError `not-admitted` for shared and 64-bit tables. */
export function readTable(reader: BinaryReader): Bounds {
  readElementType(reader);
  return readTableBounds(reader);
}

/** What a table holds: references to functions or external values. */
export function readElementType(reader: BinaryReader): void {
  const type = readValueType(reader);
  if (['funcref', 'externref', 'ref'].includes(type)) return;
  throw broken(`a table of ${type === 'exnref' ? 'exceptions' : 'values that are no references'}`);
}

export function readTableBounds(reader: BinaryReader): Bounds {
  const flags = reader.byte();
  if (flags > 0x01) {
    throw new WarderError('not-admitted', 'it has a shared or 64-bit table', {
      hint: 'build for wasm32 without threads',
    });
  }
  const bounds = readBounds(reader, flags);
  if (bounds.minimum > CAPS.tableElements) throw tooMany('table elements', CAPS.tableElements);
  return bounds;
}

function readBounds(reader: BinaryReader, flags: number): Bounds {
  const minimum = reader.u32();
  const maximum = flags === 0x01 ? reader.u32() : undefined;
  if (maximum !== undefined && maximum < minimum) throw broken('a maximum below its minimum');
  return { minimum, maximum };
}

/** The type of a global; whether it may change is the byte that follows. */
export function readGlobal(reader: BinaryReader): void {
  readValueType(reader);
  if (reader.byte() > 0x01) {
    throw new WarderError('not-admitted', 'it has a shared global', {
      hint: 'build for wasm32 without threads',
    });
  }
}

export function readTag(reader: BinaryReader): void {
  if (reader.byte() !== 0x00) throw broken('a tag of an unknown kind');
  reader.u32();
}

/** The initial value of a global, a table or a segment's place. */
export function skipConstant(reader: BinaryReader): void {
  for (let left = CAPS.constant; left > 0; left -= 1) {
    const instruction = reader.byte();
    switch (instruction) {
      case 0x0b: // end
        return;
      case 0x41: // i32.const
        reader.skipSigned(32);
        break;
      case 0x42: // i64.const
        reader.skipSigned(64);
        break;
      case 0x43: // f32.const
        reader.take(4);
        break;
      case 0x44: // f64.const
        reader.take(8);
        break;
      case 0xd0: // ref.null
        readHeapType(reader);
        break;
      case 0x23: // global.get
      case 0xd2: // ref.func
        reader.u32();
        break;
      case 0xfd: // v128.const
        if (reader.u32() !== 12) throw broken('a constant that is computed');
        reader.take(16);
        break;
      case 0xfb:
        throw garbageCollected();
      default:
        // Addition, subtraction and multiplication of i32 and i64.
        if (![0x6a, 0x6b, 0x6c, 0x7c, 0x7d, 0x7e].includes(instruction)) {
          throw broken('a constant that is computed');
        }
    }
  }
  throw tooMany('instructions of a constant', CAPS.constant);
}

function garbageCollected(): WarderError {
  return new WarderError('not-admitted', 'it uses garbage-collected types', {
    hint: 'their memory is outside of every limit; build for linear memory',
  });
}
