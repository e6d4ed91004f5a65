// Reads the types of what a component exports out of its binary (component model, binary format of
// WASI 0.2). Bounded: sizes, counts and nesting are checked; nothing is compiled.

import { BinaryReader, broken } from '../../../catalog/binary-reader.ts';
import { checkExternName } from '../../../catalog/component-names.ts';
import { readFields, readValueDefinition, readValueType } from './read-value-type.ts';
import type { WitExports, WitFunction, WitType } from './wit-type.ts';

const MAX_ITEMS = 20_000;
const MAX_NAME = 1024;
const MAX_NESTING = 16;

/** What an index space holds; `sort` bytes are those of the binary format. */
type Item =
  | { readonly sort: 'func'; readonly type: WitFunction }
  | { readonly sort: 'type'; readonly type: TypeItem }
  | { readonly sort: 'instance'; readonly exports: ReadonlyMap<string, Item> }
  | { readonly sort: 'component'; readonly exports: ReadonlyMap<string, Item> }
  | { readonly sort: 'value' };

type TypeItem =
  | { readonly is: 'value'; readonly type: WitType }
  | { readonly is: 'func'; readonly type: WitFunction }
  | { readonly is: 'instance' | 'component'; readonly exports: ReadonlyMap<string, Item> };

/**
 * The functions and instances a component exports, with their types.
 *
 * @throws WarderError `not-admitted` when the bytes are not a component of WASI 0.2.
 */
export function readComponentExports(component: Uint8Array): WitExports {
  const reader = new BinaryReader(component);
  const header = reader.take(8);
  if (!isComponentHeader(header)) throw broken('this is no component');
  return toWit(new Scope(undefined, 0).component(reader), 0);
}

function isComponentHeader(header: Uint8Array): boolean {
  const expected = [0x00, 0x61, 0x73, 0x6d, 0x0d, 0x00, 0x01, 0x00];
  return expected.every((byte, index) => header[index] === byte);
}

function toWit(items: ReadonlyMap<string, Item>, depth: number): WitExports {
  const functions = new Map<string, WitFunction>();
  const instances = new Map<string, WitExports>();
  for (const [name, item] of items) {
    if (item.sort === 'func') functions.set(name, item.type);
    if (item.sort === 'instance' && depth < 1) instances.set(name, toWit(item.exports, depth + 1));
  }
  return { functions, instances };
}

class Scope {
  readonly #outer: Scope | undefined;
  readonly #depth: number;
  readonly #types: TypeItem[] = [];
  readonly #functions: WitFunction[] = [];
  readonly #instances: ReadonlyMap<string, Item>[] = [];
  readonly #components: ReadonlyMap<string, Item>[] = [];
  readonly #exports = new Map<string, Item>();

  /** The value type with that index, for types made of it. */
  readonly #valueAt = (index: number): WitType => {
    const type = at(this.#types, index);
    return type.is === 'value' ? type.type : { kind: 'opaque', what: 'a type that is no value' };
  };

  constructor(outer: Scope | undefined, depth: number) {
    if (depth > MAX_NESTING) throw broken('components are nested too deeply');
    this.#outer = outer;
    this.#depth = depth;
  }

  /** Reads the sections that follow a component's header; answers its exports. */
  component(reader: BinaryReader): ReadonlyMap<string, Item> {
    while (!reader.atEnd) {
      const id = reader.byte();
      const section = new BinaryReader(reader.take(reader.u32()));
      this.#section(id, section);
    }
    return this.#exports;
  }

  #section(id: number, section: BinaryReader): void {
    const each = (read: () => void): void => {
      const count = section.count('items in a section', MAX_ITEMS);
      for (let index = 0; index < count; index += 1) read();
    };
    switch (id) {
      case 0: // custom
      case 1: // core module
      case 2: // core instances
      case 3: // core types
        return;
      case 4:
        this.#components.push(this.#nestedComponent(section));
        return;
      case 5:
        each(() => void this.#instances.push(this.#instance(section)));
        return;
      case 6:
        each(() => this.#alias(section));
        return;
      case 7:
        each(() => void this.#types.push(this.#typeDefinition(section)));
        return;
      case 8:
        each(() => this.#canon(section));
        return;
      case 10:
        each(() => {
          this.#name(section);
          this.#add(this.#externType(section));
        });
        return;
      case 11:
        each(() => this.#export(section));
        return;
      default:
        throw broken(`section ${String(id)} of a component is not supported`);
    }
  }

  #nestedComponent(section: BinaryReader): ReadonlyMap<string, Item> {
    if (!isComponentHeader(section.take(8))) throw broken('a nested component has a wrong header');
    return new Scope(this, this.#depth + 1).component(section);
  }

  /** Import and export names: a kind byte, then the name. */
  #name(reader: BinaryReader): string {
    const kind = reader.byte();
    if (kind > 1) throw broken('a name of an unsupported kind');
    return checkExternName(reader.name(MAX_NAME));
  }

  #add(item: Item): void {
    switch (item.sort) {
      case 'func':
        this.#functions.push(item.type);
        return;
      case 'type':
        this.#types.push(item.type);
        return;
      case 'instance':
        this.#instances.push(item.exports);
        return;
      case 'component':
        this.#components.push(item.exports);
        return;
      case 'value':
        return;
    }
  }

  #item(sort: number, index: number): Item {
    switch (sort) {
      case 0x01:
        return { sort: 'func', type: at(this.#functions, index) };
      case 0x03:
        return { sort: 'type', type: at(this.#types, index) };
      case 0x04:
        return { sort: 'component', exports: at(this.#components, index) };
      case 0x05:
        return { sort: 'instance', exports: at(this.#instances, index) };
      default:
        throw broken('a reference of an unsupported sort');
    }
  }

  #instance(section: BinaryReader): ReadonlyMap<string, Item> {
    const kind = section.byte();
    const index = kind === 0x00 ? section.u32() : -1;
    if (kind > 1) throw broken('an instance of an unknown kind');
    const items = new Map<string, Item>();
    const count = section.count('items of an instance', MAX_ITEMS);
    for (let each = 0; each < count; each += 1) {
      const name = kind === 0x00 ? section.name(MAX_NAME) : this.#name(section);
      const sort = section.byte();
      if (sort === 0x00) {
        section.byte();
        section.u32();
      } else {
        items.set(name, this.#item(sort, section.u32()));
      }
    }
    return kind === 0x00 ? at(this.#components, index) : items;
  }

  #alias(section: BinaryReader): void {
    const sort = section.byte();
    if (sort === 0x00) section.byte();
    const target = section.byte();
    if (target === 0x00 || target === 0x01) {
      const instance = section.u32();
      const name = section.name(MAX_NAME);
      if (target === 0x01) return;
      const item = at(this.#instances, instance).get(name);
      if (item === undefined) throw broken('an alias to an export that is not there');
      this.#add(item);
      return;
    }
    if (target !== 0x02) throw broken('an alias of an unknown kind');
    const count = section.u32();
    const index = section.u32();
    if (sort === 0x00) return;
    let scope = this as Scope;
    for (let each = 0; each < count; each += 1) {
      if (scope.#outer === undefined) throw broken('an alias to a component that is not there');
      scope = scope.#outer;
    }
    this.#add(scope.#item(sort, index));
  }

  #canon(section: BinaryReader): void {
    const kind = section.byte();
    switch (kind) {
      case 0x00:
        section.byte();
        section.u32();
        this.#canonOptions(section);
        this.#functions.push(this.#functionType(section.u32()));
        return;
      case 0x01:
        section.byte();
        section.u32();
        this.#canonOptions(section);
        return;
      case 0x02: // resource.new, drop, rep
      case 0x03:
      case 0x04:
        section.u32();
        return;
      default:
        throw broken('asynchronous components are not supported; build for WASI 0.2');
    }
  }

  #canonOptions(section: BinaryReader): void {
    const count = section.count('options of a function', 16);
    for (let each = 0; each < count; each += 1) {
      const option = section.byte();
      if (option > 0x05)
        throw broken('asynchronous components are not supported; build for WASI 0.2');
      if (option >= 0x03) section.u32();
    }
  }

  #functionType(index: number): WitFunction {
    const type = at(this.#types, index);
    if (type.is !== 'func') throw broken('a function without a function type');
    return type.type;
  }

  #export(section: BinaryReader): void {
    const name = this.#name(section);
    const sort = section.byte();
    if (sort === 0x00) {
      // A core module; nothing of ours.
      section.byte();
      section.u32();
      if (section.byte() === 0x01) this.#externType(section);
      return;
    }
    let item = this.#item(sort, section.u32());
    if (section.byte() === 0x01) item = this.#externType(section);
    this.#exports.set(name, item);
    this.#add(item);
  }

  #externType(reader: BinaryReader): Item {
    const kind = reader.byte();
    switch (kind) {
      case 0x00:
        reader.byte();
        reader.u32();
        return { sort: 'value' };
      case 0x01:
        return { sort: 'func', type: this.#functionType(reader.u32()) };
      case 0x03: {
        const bound = reader.byte();
        if (bound === 0x00) return { sort: 'type', type: at(this.#types, reader.u32()) };
        return { sort: 'type', type: opaque('resource') };
      }
      case 0x04:
      case 0x05: {
        const type = at(this.#types, reader.u32());
        if (type.is !== 'instance' && type.is !== 'component')
          throw broken('an instance without a type');
        return { sort: kind === 0x04 ? 'component' : 'instance', exports: type.exports };
      }
      default:
        throw broken('an import or export of an unknown kind');
    }
  }

  #typeDefinition(reader: BinaryReader): TypeItem {
    const kind = reader.byte();
    switch (kind) {
      case 0x40:
        return { is: 'func', type: this.#functionDefinition(reader) };
      case 0x41:
      case 0x42: {
        const scope = new Scope(this, this.#depth + 1);
        const count = reader.count('declarations of a type', MAX_ITEMS);
        for (let each = 0; each < count; each += 1) scope.#declaration(reader);
        return { is: kind === 0x41 ? 'component' : 'instance', exports: scope.#exports };
      }
      case 0x3f:
        reader.byte();
        if (reader.byte() === 0x01) reader.u32();
        return opaque('resource');
      default:
        return { is: 'value', type: readValueDefinition(kind, reader, this.#valueAt) };
    }
  }

  #declaration(reader: BinaryReader): void {
    const kind = reader.byte();
    switch (kind) {
      case 0x01:
        this.#types.push(this.#typeDefinition(reader));
        return;
      case 0x02:
        this.#alias(reader);
        return;
      case 0x03:
        this.#name(reader);
        this.#add(this.#externType(reader));
        return;
      case 0x04: {
        const name = this.#name(reader);
        const item = this.#externType(reader);
        this.#exports.set(name, item);
        this.#add(item);
        return;
      }
      default:
        throw broken('a declaration of an unsupported kind');
    }
  }

  #functionDefinition(reader: BinaryReader): WitFunction {
    const params = readFields(reader, this.#valueAt);
    const kind = reader.byte();
    if (kind === 0x00) return { params, result: readValueType(reader, this.#valueAt) };
    if (kind !== 0x01 || reader.byte() !== 0x00) throw broken('named results are not supported');
    return { params };
  }
}

function opaque(what: string): TypeItem {
  return { is: 'value', type: { kind: 'opaque', what } };
}

function at<T>(items: readonly T[], index: number): T {
  const item = items[index];
  if (item === undefined) throw broken('a reference to something that is not there');
  return item;
}
