// What is compiled in place of a core module: the same with every memory and table bounded, its memories
// exported so that they can be measured, and without the custom sections (names, source maps, hints),
// which are texts for tools and would be parsed for nothing.

import { WarderError } from '../base/errors/errors.ts';
import { BinaryReader, broken } from './binary-reader.ts';
import {
  type Bounds,
  readElementType,
  readMemory,
  readTableBounds,
  skipConstant,
} from './core-types.ts';
import { CAPS, tooMany } from './module-caps.ts';
import { readImport } from './read-import.ts';

const PAGE = 65_536;
const CUSTOM_SECTION = 0;
const IMPORT_SECTION = 2;
const TABLE_SECTION = 4;
const MEMORY_SECTION = 5;
const EXPORT_SECTION = 7;
/** Sections that stand behind the exports. */
const LATER: ReadonlySet<number> = new Set([8, 9, 12, 10, 11]);
const MEMORY_KIND = 2;

/** What all memories, and all tables, of a module may come to together. */
export interface ModuleBounds {
  readonly memoryBytes: number;
  /** All a package may have when absent. */
  readonly tableElements?: number;
}

/**
 * The same module in which no memory and no table can grow beyond the bounds; nothing is compiled. What
 * the initial sizes leave is shared equally.
 *
 * @throws WarderError `not-admitted` when a memory starts larger than that, is shared or 64-bit.
 */
export function boundModule(module: Uint8Array, bounds: ModuleBounds): Uint8Array {
  const { memoryBytes, tableElements = CAPS.tableElements } = bounds;
  const reader = new BinaryReader(module);
  const parts: Uint8Array[] = [reader.take(8)];
  let imported = 0;
  /** Exports of memories that are still to be written. */
  let measured: Uint8Array[] = [];
  const exportMeasured = (given: Uint8Array = NO_ITEMS): void => {
    if (measured.length > 0 || given !== NO_ITEMS) parts.push(exportSection(given, measured));
    measured = [];
  };
  while (!reader.atEnd) {
    const start = reader.offset;
    const id = reader.byte();
    const body = reader.take(reader.u32());
    if (id === CUSTOM_SECTION) continue;
    if (LATER.has(id)) exportMeasured();
    switch (id) {
      case IMPORT_SECTION:
        imported = importedMemories(body);
        break;
      case MEMORY_SECTION:
        measured = readMemories(body).map((_, index) => memoryExport(imported + index));
        parts.push(section(id, memorySection(body, Math.floor(memoryBytes / PAGE))));
        continue;
      case TABLE_SECTION:
        parts.push(section(id, tableSection(body, tableElements)));
        continue;
      case EXPORT_SECTION:
        exportMeasured(body);
        continue;
    }
    parts.push(reader.since(start));
  }
  exportMeasured();
  return concat(parts);
}

const NO_ITEMS = Uint8Array.of(0);

/** Whether an export is one of those added here; admission lets no such name in. */
export function isMeasuredMemory(name: string): boolean {
  return name.startsWith(' memory ');
}

function memoryExport(index: number): Uint8Array {
  const name = new TextEncoder().encode(` memory ${String(index)}`);
  return concat([leb(name.length), name, Uint8Array.of(MEMORY_KIND), leb(index)]);
}

function exportSection(given: Uint8Array, added: readonly Uint8Array[]): Uint8Array {
  const reader = new BinaryReader(given);
  const count = reader.count('exports', CAPS.exports);
  return section(EXPORT_SECTION, concat([leb(count + added.length), reader.rest(), ...added]));
}

function importedMemories(body: Uint8Array): number {
  const reader = new BinaryReader(body);
  let memories = 0;
  for (let left = reader.count('imports', CAPS.imports); left > 0; left -= 1) {
    if (readImport(reader).kind === 'memory') memories += 1;
  }
  return memories;
}

/** What a module starts with of its own: how many memories and tables, and their sizes together. */
export interface StartSizes {
  readonly memories: number;
  readonly memoryBytes: number;
  readonly tables: number;
  readonly tableElements: number;
}

/** Reads the memory and table sections alone. */
export function startSizes(module: Uint8Array): StartSizes {
  const reader = new BinaryReader(module);
  reader.take(8);
  let memories: readonly Bounds[] = [];
  let tables: readonly Bounds[] = [];
  while (!reader.atEnd) {
    const id = reader.byte();
    const body = reader.take(reader.u32());
    if (id === MEMORY_SECTION) memories = readMemories(body);
    if (id === TABLE_SECTION) tables = readTables(body).map(({ bounds }) => bounds);
  }
  return {
    memories: memories.length,
    memoryBytes: sumOfMinima(memories) * PAGE,
    tables: tables.length,
    tableElements: sumOfMinima(tables),
  };
}

function readMemories(body: Uint8Array): Bounds[] {
  const reader = new BinaryReader(body);
  const memories: Bounds[] = [];
  for (let left = reader.count('memories', CAPS.memories); left > 0; left -= 1) {
    memories.push(readMemory(reader));
  }
  if (!reader.atEnd) throw broken('bytes after the memories');
  return memories;
}

interface TableParts {
  readonly type: Uint8Array;
  readonly bounds: Bounds;
  readonly initial: Uint8Array;
}

function readTables(body: Uint8Array): TableParts[] {
  const reader = new BinaryReader(body);
  const tables: TableParts[] = [];
  for (let left = reader.count('tables', CAPS.tables); left > 0; left -= 1) {
    const start = reader.offset;
    const initialised = reader.peek() === 0x40;
    if (initialised) reader.take(2);
    readElementType(reader);
    const type = reader.since(start);
    const bounds = readTableBounds(reader);
    const end = reader.offset;
    if (initialised) skipConstant(reader);
    tables.push({ type, bounds, initial: reader.since(end) });
  }
  if (!reader.atEnd) throw broken('bytes after the tables');
  return tables;
}

function memorySection(body: Uint8Array, maxPages: number): Uint8Array {
  const memories = readMemories(body);
  const started = sumOfMinima(memories);
  if (started > maxPages) {
    throw new WarderError(
      'not-admitted',
      'the module starts with more memory than its limit allows',
      {
        hint: `grant at least \`--max-memory ${String(started / 16)}MiB\``,
        data: { needed: started * PAGE, limit: maxPages * PAGE },
      },
    );
  }
  const limited = memories.map((each) => boundsBytes(each, maxPages - started, memories.length));
  return concat([leb(memories.length), ...limited]);
}

function tableSection(body: Uint8Array, maxElements: number): Uint8Array {
  const tables = readTables(body);
  const started = sumOfMinima(tables.map(({ bounds }) => bounds));
  if (started > maxElements) throw tooMany('table elements', maxElements);
  const limited = tables.flatMap(({ bounds, type, initial }) => [
    type,
    boundsBytes(bounds, maxElements - started, tables.length),
    initial,
  ]);
  return concat([leb(tables.length), ...limited]);
}

function sumOfMinima(bounds: readonly Bounds[]): number {
  return bounds.reduce((sum, { minimum }) => sum + minimum, 0);
}

/** A bounds pair whose maximum is at most its share of what is left above the minimum. */
function boundsBytes({ minimum, maximum }: Bounds, left: number, sharers: number): Uint8Array {
  const most = minimum + Math.floor(left / sharers);
  return concat([Uint8Array.of(0x01), leb(minimum), leb(Math.min(maximum ?? most, most))]);
}

function section(id: number, body: Uint8Array): Uint8Array {
  return concat([Uint8Array.of(id), leb(body.length), body]);
}

function leb(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  do {
    const low = rest & 0x7f;
    rest >>>= 7;
    bytes.push(rest === 0 ? low : low | 0x80);
  } while (rest !== 0);
  return Uint8Array.from(bytes);
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
