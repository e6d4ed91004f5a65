// Reads a core module without compiling it: what it imports, exports and declares, within bounds.

import { BinaryReader, broken } from './binary-reader.ts';
import {
  type Bounds,
  readFunctionType,
  readGlobal,
  readMemory,
  readTable,
  readTag,
  readValueType,
  skipConstant,
} from './core-types.ts';
import { CAPS, tooMany } from './module-caps.ts';
import { type ExternKind, readImport, readKind } from './read-import.ts';

/** What a core module says about itself. */
export interface ModuleFacts {
  readonly imports: readonly CoreImport[];
  readonly exports: readonly { readonly name: string; readonly kind: ExternKind }[];
  /** Memories of its own, in pages of 64 KiB. */
  readonly memories: readonly Bounds[];
  /** Tables of its own, in elements. */
  readonly tables: readonly Bounds[];
  /** It runs code when it is instantiated. */
  readonly hasStart: boolean;
}

export interface CoreImport {
  readonly module: string;
  readonly name: string;
  readonly kind: ExternKind;
  /** Of a function: its type as text, e.g. `i32 i64 -> i32`. */
  readonly type?: string;
}

/** The order of the sections that may appear once: 12 (data count) stands before 10, 13 (tags) before 6. */
const ORDER: ReadonlyMap<number, number> = new Map(
  [1, 2, 3, 4, 5, 13, 6, 7, 8, 9, 12, 10, 11].map((id, index) => [id, index]),
);

/**
 * Reads every section to its end but for the instructions of functions.
 *
 * @throws WarderError `not-admitted` naming what is wrong.
 */
export function readModule(module: Uint8Array): ModuleFacts {
  const reader = new BinaryReader(module);
  reader.take(8);
  const contents = new ModuleContents();
  let place = -1;
  for (let sections = 0; !reader.atEnd; sections += 1) {
    if (sections >= CAPS.sections) throw tooMany('sections', CAPS.sections);
    const id = reader.byte();
    const section = new BinaryReader(reader.take(reader.u32()));
    if (id === 0) {
      section.name(CAPS.name);
      continue;
    }
    const next = ORDER.get(id);
    if (next === undefined) throw broken(`it has the unknown section ${String(id)}`);
    if (next <= place) throw broken('its sections are out of order, or one is there twice');
    place = next;
    contents.read(id, section);
    if (!section.atEnd) throw broken(`section ${String(id)} has bytes after its end`);
  }
  return contents.end();
}

class ModuleContents implements ModuleFacts {
  readonly imports: CoreImport[] = [];
  readonly exports: { name: string; kind: ExternKind }[] = [];
  readonly memories: Bounds[] = [];
  readonly tables: Bounds[] = [];
  hasStart = false;
  readonly #types: string[] = [];
  readonly #names = new Set<string>();
  #functions = 0;
  #bodies = 0;
  #data = 0;
  #declaredData: number | undefined;
  #tableElements = 0;
  #elementItems = 0;
  #locals = 0;

  read(id: number, section: BinaryReader): void {
    const each = (what: string, limit: number, read: () => void): number => {
      const count = section.count(what, limit);
      for (let left = count; left > 0; left -= 1) read();
      return count;
    };
    switch (id) {
      case 1:
        if (section.left > CAPS.typeBytes) throw tooMany('bytes of types', CAPS.typeBytes);
        each('types', CAPS.types, () => void this.#types.push(readFunctionType(section)));
        return;
      case 2:
        each('imports', CAPS.imports, () => void this.imports.push(this.#import(section)));
        return;
      case 3:
        this.#functions = each('functions', CAPS.functions, () => this.#typeAt(section.u32()));
        return;
      case 4:
        each('tables', CAPS.tables, () => this.#table(section));
        return;
      case 5:
        each('memories', CAPS.memories, () => void this.memories.push(readMemory(section)));
        return;
      case 6:
        each('globals', CAPS.globals, () => {
          readGlobal(section);
          skipConstant(section);
        });
        return;
      case 7:
        each('exports', CAPS.exports, () => this.#export(section));
        return;
      case 8:
        section.u32();
        this.hasStart = true;
        return;
      case 9:
        each('element segments', CAPS.elements, () => this.#elements(section));
        return;
      case 10:
        this.#bodies = each('function bodies', CAPS.functions, () => this.#body(section));
        return;
      case 11:
        this.#data = each('data segments', CAPS.data, () => readData(section));
        return;
      case 12:
        this.#declaredData = section.u32();
        return;
      case 13:
        each('tags', CAPS.tags, () => readTag(section));
        return;
      default:
        throw broken(`it has the unknown section ${String(id)}`);
    }
  }

  end(): ModuleFacts {
    if (this.#functions !== this.#bodies) throw broken('functions without bodies, or bodies alone');
    if (this.#declaredData !== undefined && this.#declaredData !== this.#data) {
      throw broken('other data segments than it declares');
    }
    const { imports, exports, memories, tables, hasStart } = this;
    return { imports, exports, memories, tables, hasStart };
  }

  #typeAt(index: number): string {
    const type = this.#types[index];
    if (type === undefined) throw broken('a function of a type that is not there');
    return type;
  }

  #import(section: BinaryReader): CoreImport {
    const { type, ...rest } = readImport(section);
    return type === undefined ? rest : { ...rest, type: this.#typeAt(type) };
  }

  #table(section: BinaryReader): void {
    const initialised = section.peek() === 0x40;
    if (initialised) {
      section.byte();
      if (section.byte() !== 0x00) throw broken('a table of an unknown form');
    }
    const bounds = readTable(section);
    if (initialised) skipConstant(section);
    this.tables.push(bounds);
    this.#tableElements += bounds.minimum;
    if (this.#tableElements > CAPS.tableElements) {
      throw tooMany('table elements', CAPS.tableElements);
    }
  }

  #export(section: BinaryReader): void {
    const name = section.name(CAPS.name);
    if (this.#names.has(name)) throw broken('two exports of the same name');
    this.#names.add(name);
    this.exports.push({ name, kind: readKind(section) });
    section.u32();
  }

  /** The locals of a function; its instructions are the compiler's. */
  #body(section: BinaryReader): void {
    const size = section.u32();
    if (size > CAPS.body) throw tooMany('bytes of a function', CAPS.body);
    const body = new BinaryReader(section.take(size));
    let locals = 0;
    for (let left = body.count('groups of locals', CAPS.locals); left > 0; left -= 1) {
      locals += body.u32();
      if (locals > CAPS.locals) throw tooMany('local variables of a function', CAPS.locals);
      readValueType(body);
    }
    this.#locals += locals;
    if (this.#locals > CAPS.allLocals) throw tooMany('local variables', CAPS.allLocals);
    if (body.atEnd) throw broken('a function without instructions');
    if ((locals + FRAME) * branches(body.rest()) > CAPS.branchNotes) {
      throw tooMany('local variables times branches of a function', CAPS.branchNotes);
    }
  }

  #elements(section: BinaryReader): void {
    const flags = section.u32();
    if (flags > 7) throw broken('an element segment of an unknown kind');
    const [passive, explicit, expressions] = [flags & 1, flags & 2, flags & 4];
    if (passive === 0) {
      if (explicit !== 0) section.u32();
      skipConstant(section);
    }
    if (passive !== 0 || explicit !== 0) {
      if (expressions !== 0) readValueType(section);
      else if (section.byte() !== 0x00) throw broken('elements of an unknown kind');
    }
    const count = section.count('items of an element segment', CAPS.elementItems);
    this.#elementItems += count;
    if (this.#elementItems > CAPS.elementItems) throw tooMany('elements', CAPS.elementItems);
    for (let left = count; left > 0; left -= 1) {
      if (expressions === 0) section.u32();
      else skipConstant(section);
    }
  }
}

/** What a branch costs the compiler besides the locals, in locals. */
const FRAME = 16;

/** At least as many as there are blocks, loops, conditions and handlers: every byte that could be one. */
function branches(instructions: Uint8Array): number {
  let count = 0;
  for (const byte of instructions) if (byte >= 0x02 && byte <= 0x06) count += 1;
  return count;
}

function readData(section: BinaryReader): void {
  const flags = section.u32();
  if (flags > 2) throw broken('a data segment of an unknown kind');
  if (flags === 2) section.u32();
  if (flags !== 1) skipConstant(section);
  section.take(section.u32());
}
