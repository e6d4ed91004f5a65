// Reads a component without compiling it: what it imports, the core modules inside it at any depth, and
// every name on the way that jco would write into JavaScript. The types are read where they
// are needed, by the transpiler.

import { BinaryReader, broken } from './binary-reader.ts';
import { checkCoreName, checkExternName } from './component-names.ts';
import { tooMany } from './module-caps.ts';
import { readModule, type ModuleFacts } from './read-module.ts';

/** What a component says about itself. */
export interface ComponentFacts {
  /** Interfaces the outermost component imports. */
  readonly imports: readonly string[];
  readonly modules: readonly ModuleFacts[];
}

/** Of the whole package, but for `depth` and `sections`. */
const CAPS = {
  depth: 8,
  sections: 20_000,
  items: 200_000,
  name: 256,
  imports: 1000,
  components: 1000,
  modules: 64,
  /** Places where a core module is instantiated, and where a component is. */
  instances: 256,
} as const;

const SORTS = { core: 0x00, func: 0x01, type: 0x03, component: 0x04, instance: 0x05 } as const;

/**
 * @throws WarderError `not-admitted` naming what is wrong.
 */
export function readComponent(component: Uint8Array): ComponentFacts {
  const contents = new ComponentContents();
  contents.read(component, 0);
  return contents;
}

/** Which kind of binary this is by its first eight bytes. */
export function headerKind(bytes: Uint8Array): 'module' | 'component' | undefined {
  const magic = [0x00, 0x61, 0x73, 0x6d];
  if (!magic.every((byte, index) => bytes[index] === byte) || bytes.length < 8) return undefined;
  const version = new DataView(bytes.buffer, bytes.byteOffset).getUint32(4, true);
  if (version === 1) return 'module';
  return version === 0x0001_000d ? 'component' : undefined;
}

class ComponentContents implements ComponentFacts {
  readonly imports: string[] = [];
  readonly modules: ModuleFacts[] = [];
  #components = 0;
  #instances = 0;
  #items = 0;

  read(component: Uint8Array, depth: number): void {
    if (depth > CAPS.depth) throw broken('components are nested too deeply');
    this.#components += 1;
    if (this.#components > CAPS.components) throw tooMany('components', CAPS.components);
    const reader = new BinaryReader(component);
    reader.take(8);
    for (let sections = 0; !reader.atEnd; sections += 1) {
      if (sections >= CAPS.sections) throw tooMany('sections', CAPS.sections);
      const id = reader.byte();
      this.#section(id, reader.take(reader.u32()), depth);
    }
  }

  #section(id: number, body: Uint8Array, depth: number): void {
    const section = new BinaryReader(body);
    const each = (read: () => void): void => {
      for (let left = this.#count(section); left > 0; left -= 1) read();
      if (!section.atEnd) throw broken(`section ${String(id)} has bytes after its end`);
    };
    switch (id) {
      case 0: // custom
        section.name(CAPS.name);
        return;
      case 1:
        this.#module(body);
        return;
      case 2:
        each(() => this.#coreInstance(section));
        return;
      case 4:
        if (headerKind(body) !== 'component') throw broken('a nested component has a wrong header');
        this.read(body, depth + 1);
        return;
      case 5:
        each(() => this.#instance(section));
        return;
      case 6:
        each(() => readAlias(section));
        return;
      case 7: // types
      case 8: // canonical functions
        this.#count(section);
        return;
      case 10:
        each(() => this.#import(section, depth));
        return;
      case 11:
        each(() => this.#export(section, depth));
        return;
      default:
        // 3 declares types of core modules, 9 starts a component, 12 are its values: WASI 0.2 needs none.
        throw broken(`section ${String(id)} of a component is not supported`);
    }
  }

  #module(body: Uint8Array): void {
    if (this.modules.length >= CAPS.modules) throw tooMany('core modules', CAPS.modules);
    if (headerKind(body) !== 'module') throw broken('a nested module has a wrong header');
    const facts = readModule(body);
    for (const { module, name } of facts.imports) {
      checkCoreName(module);
      checkCoreName(name);
    }
    for (const { name } of facts.exports) checkCoreName(name);
    this.modules.push(facts);
  }

  #coreInstance(section: BinaryReader): void {
    const kind = section.byte();
    if (kind > 1) throw broken('an instance of an unknown kind');
    if (kind === 0x00) {
      this.#countInstance();
      section.u32();
    }
    for (let left = this.#count(section); left > 0; left -= 1) {
      checkCoreName(section.name(CAPS.name));
      section.byte();
      section.u32();
    }
  }

  #instance(section: BinaryReader): void {
    const kind = section.byte();
    if (kind > 1) throw broken('an instance of an unknown kind');
    if (kind === 0x00) {
      this.#countInstance();
      section.u32();
    }
    for (let left = this.#count(section); left > 0; left -= 1) {
      if (kind === 0x00) checkExternName(section.name(CAPS.name));
      else readName(section);
      if (section.byte() === SORTS.core) section.byte();
      section.u32();
    }
  }

  /** How many items follow; all of a package together are bounded. */
  #count(section: BinaryReader): number {
    const count = section.count('items', CAPS.items);
    this.#items += count;
    if (this.#items > CAPS.items) throw tooMany('items', CAPS.items);
    return count;
  }

  #countInstance(): void {
    this.#instances += 1;
    if (this.#instances > CAPS.instances) throw tooMany('instances', CAPS.instances);
  }

  #import(section: BinaryReader, depth: number): void {
    const name = readName(section);
    const sort = readExternType(section);
    if (depth > 0) return;
    if (sort !== SORTS.instance) throw broken('an import that is no interface');
    if (this.imports.length >= CAPS.imports) throw tooMany('imports', CAPS.imports);
    this.imports.push(name);
  }

  #export(section: BinaryReader, depth: number): void {
    readName(section);
    const sort = section.byte();
    section.u32();
    if (section.byte() === 0x01) readExternType(section);
    if (sort === SORTS.component && depth > 0) return;
    if (sort !== SORTS.func && sort !== SORTS.type && sort !== SORTS.instance) {
      throw broken('an export that is no function, type or interface');
    }
  }
}

/** Names of imports and exports: a byte for the form, then the name. */
function readName(section: BinaryReader): string {
  if (section.byte() > 1) throw broken('a name of an unsupported kind');
  return checkExternName(section.name(CAPS.name));
}

function readAlias(section: BinaryReader): void {
  const isCore = section.byte() === SORTS.core;
  if (isCore) section.byte();
  const target = section.byte();
  section.u32();
  switch (target) {
    case 0x00:
      checkExternName(section.name(CAPS.name));
      return;
    case 0x01:
      checkCoreName(section.name(CAPS.name));
      return;
    case 0x02:
      section.u32();
      return;
    default:
      throw broken('an alias of an unknown kind');
  }
}

function readExternType(section: BinaryReader): number {
  const sort = section.byte();
  switch (sort) {
    case SORTS.func:
    case SORTS.component:
    case SORTS.instance:
      section.u32();
      return sort;
    case SORTS.type:
      if (section.byte() === 0x00) section.u32();
      return sort;
    default:
      throw broken('an import or export of an unsupported kind');
  }
}
