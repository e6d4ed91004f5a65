// Reads a core module without compiling it: what it imports, exports and declares, within bounds.

import { BinaryReader, broken } from './binary-reader.ts';
import { WarderError } from '../base/errors/errors.ts';
import { readMemory } from './limit-memory.ts';

/** What a core module says about itself. */
export interface ModuleFacts {
  readonly imports: readonly {
    readonly module: string;
    readonly name: string;
    readonly kind: ExternKind;
  }[];
  readonly exports: readonly { readonly name: string; readonly kind: ExternKind }[];
  /** Memories of its own, in pages of 64 KiB. */
  readonly memories: readonly { readonly minimum: number; readonly maximum: number | undefined }[];
  /** It runs code when it is instantiated. */
  readonly hasStart: boolean;
}

export type ExternKind = 'function' | 'table' | 'memory' | 'global' | 'tag';

const KINDS: readonly ExternKind[] = ['function', 'table', 'memory', 'global', 'tag'];

const CAPS = {
  imports: 1000,
  exports: 10_000,
  functions: 200_000,
  types: 50_000,
  globals: 20_000,
  tables: 16,
  tableElements: 1_000_000,
  memories: 16,
  elements: 100_000,
  data: 100_000,
  tags: 1000,
  name: 512,
  sections: 1000,
} as const;

/** The order of the sections that may appear once: 12 (data count) stands before 10, 13 (tags) before 6. */
const ORDER: ReadonlyMap<number, number> = new Map(
  [1, 2, 3, 4, 5, 13, 6, 7, 8, 9, 12, 10, 11].map((id, index) => [id, index]),
);

/**
 * @throws WarderError `not-admitted` naming what is wrong.
 */
export function readModule(module: Uint8Array): ModuleFacts {
  const reader = new BinaryReader(module);
  reader.take(8);
  const imports: { module: string; name: string; kind: ExternKind }[] = [];
  const exports: { name: string; kind: ExternKind }[] = [];
  const memories: { minimum: number; maximum: number | undefined }[] = [];
  let hasStart = false;
  let place = -1;
  for (let sections = 0; !reader.atEnd; sections += 1) {
    if (sections > CAPS.sections) throw tooMany('sections', CAPS.sections);
    const id = reader.byte();
    const section = new BinaryReader(reader.take(reader.u32()));
    if (id !== 0) {
      const next = ORDER.get(id);
      if (next === undefined) throw broken(`it has the unknown section ${String(id)}`);
      if (next <= place) throw broken('its sections are out of order');
      place = next;
    }
    switch (id) {
      case 0:
        section.name(CAPS.name);
        break;
      case 1:
        section.count('types', CAPS.types);
        break;
      case 2:
        imports.push(...readImports(section));
        break;
      case 3:
        section.count('functions', CAPS.functions);
        break;
      case 4:
        readTables(section);
        break;
      case 5:
        for (let left = section.count('memories', CAPS.memories); left > 0; left -= 1) {
          memories.push(readMemory(section));
        }
        break;
      case 6:
        section.count('globals', CAPS.globals);
        break;
      case 7:
        exports.push(...readExports(section));
        break;
      case 8:
        hasStart = true;
        break;
      case 9:
        section.count('element segments', CAPS.elements);
        break;
      case 10:
        section.count('function bodies', CAPS.functions);
        break;
      case 11:
        section.count('data segments', CAPS.data);
        break;
      case 12:
        break;
      case 13:
        section.count('tags', CAPS.tags);
        break;
      default:
        throw broken(`it has the unknown section ${String(id)}`);
    }
  }
  return { imports, exports, memories, hasStart };
}

function tooMany(what: string, limit: number): WarderError {
  return new WarderError('not-admitted', `more than ${String(limit)} ${what}`, {
    hint: 'split the package, or build it with optimisation on',
  });
}

function readImports(section: BinaryReader): { module: string; name: string; kind: ExternKind }[] {
  const imports: { module: string; name: string; kind: ExternKind }[] = [];
  for (let left = section.count('imports', CAPS.imports); left > 0; left -= 1) {
    const module = section.name(CAPS.name);
    const name = section.name(CAPS.name);
    const kind = kindOf(section.byte());
    skipExternType(section, kind);
    imports.push({ module, name, kind });
  }
  return imports;
}

function skipExternType(section: BinaryReader, kind: ExternKind): void {
  switch (kind) {
    case 'function':
      section.u32();
      return;
    case 'table':
      readTableType(section);
      return;
    case 'memory':
      readMemory(section);
      return;
    case 'global':
      skipValueType(section);
      section.byte();
      return;
    case 'tag':
      section.byte();
      section.u32();
      return;
  }
}

function readExports(section: BinaryReader): { name: string; kind: ExternKind }[] {
  const exports: { name: string; kind: ExternKind }[] = [];
  for (let left = section.count('exports', CAPS.exports); left > 0; left -= 1) {
    const name = section.name(CAPS.name);
    exports.push({ name, kind: kindOf(section.byte()) });
    section.u32();
  }
  return exports;
}

function kindOf(byte: number): ExternKind {
  const kind = KINDS[byte];
  if (kind === undefined) throw broken('an import or export of an unknown kind');
  return kind;
}

/** Table types first; an initial expression (0x40) is left to the compiler, it takes no memory. */
function readTables(section: BinaryReader): void {
  const count = section.count('tables', CAPS.tables);
  for (let left = count; left > 0; left -= 1) {
    if (section.peek() === 0x40) {
      if (count > 1) throw broken('several tables with initial expressions');
      section.byte();
      section.byte();
      readTableType(section);
      return;
    }
    readTableType(section);
  }
}

function readTableType(section: BinaryReader): void {
  skipValueType(section);
  const flags = section.byte();
  if (flags > 0x01) {
    throw new WarderError('not-admitted', 'it has a shared or 64-bit table', {
      hint: 'build for wasm32 without threads',
    });
  }
  const minimum = section.u32();
  if (flags === 0x01) section.u32();
  if (minimum > CAPS.tableElements) throw tooMany('table elements', CAPS.tableElements);
}

/** A value or reference type: one byte, or 0x63 / 0x64 and a heap type. */
function skipValueType(section: BinaryReader): void {
  const type = section.byte();
  if (type === 0x63 || type === 0x64) section.skipSigned(33);
}
