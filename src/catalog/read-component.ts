// Reads a component without compiling it: what it imports and exports by name, and the core modules
// inside it, at any depth.

import { BinaryReader, broken } from './binary-reader.ts';
import { WarderError } from '../base/errors/errors.ts';
import { readModule, type ModuleFacts } from './read-module.ts';

/** What a component says about itself. */
export interface ComponentFacts {
  /** Names of what the outermost component imports. */
  readonly imports: readonly string[];
  readonly exports: readonly string[];
  readonly modules: readonly ModuleFacts[];
}

const CAPS = { depth: 8, modules: 64, sections: 20_000, items: 20_000, name: 256 } as const;

/**
 * @throws WarderError `not-admitted` naming what is wrong.
 */
export function readComponent(component: Uint8Array): ComponentFacts {
  const modules: ModuleFacts[] = [];
  const names = walk(component, 0, modules);
  return { ...names, modules };
}

function walk(
  component: Uint8Array,
  depth: number,
  modules: ModuleFacts[],
): { readonly imports: readonly string[]; readonly exports: readonly string[] } {
  if (depth > CAPS.depth) throw broken('components are nested too deeply');
  const reader = new BinaryReader(component);
  reader.take(8);
  const imports: string[] = [];
  const exports: string[] = [];
  for (let sections = 0; !reader.atEnd; sections += 1) {
    if (sections > CAPS.sections) throw broken('it has too many sections');
    const id = reader.byte();
    const body = reader.take(reader.u32());
    const section = new BinaryReader(body);
    switch (id) {
      case 0:
        section.name(CAPS.name);
        break;
      case 1:
        if (modules.length >= CAPS.modules) {
          throw new WarderError('not-admitted', `more than ${String(CAPS.modules)} core modules`);
        }
        expectHeader(body, 'module');
        modules.push(readModule(body));
        break;
      case 4:
        expectHeader(body, 'component');
        walk(body, depth + 1, modules);
        break;
      case 10:
        if (depth === 0) readNames(section, imports, skipExternType);
        break;
      case 11:
        if (depth === 0) readNames(section, exports, skipExportTarget);
        break;
      default:
        if (id > 11) throw broken(`it has the unknown section ${String(id)}`);
    }
  }
  return { imports, exports };
}

/** Which kind of binary this is by its first eight bytes. */
export function headerKind(bytes: Uint8Array): 'module' | 'component' | undefined {
  const magic = [0x00, 0x61, 0x73, 0x6d];
  if (!magic.every((byte, index) => bytes[index] === byte) || bytes.length < 8) return undefined;
  const version = new DataView(bytes.buffer, bytes.byteOffset).getUint32(4, true);
  if (version === 1) return 'module';
  return version === 0x0001_000d ? 'component' : undefined;
}

function expectHeader(bytes: Uint8Array, kind: 'module' | 'component'): void {
  if (headerKind(bytes) !== kind) throw broken(`a nested ${kind} has a wrong header`);
}

function readNames(
  section: BinaryReader,
  names: string[],
  skip: (section: BinaryReader) => void,
): void {
  for (let left = section.count('imports or exports', CAPS.items); left > 0; left -= 1) {
    if (section.byte() > 1) throw broken('a name of an unsupported kind');
    names.push(section.name(CAPS.name));
    skip(section);
  }
}

function skipExternType(section: BinaryReader): void {
  const kind = section.byte();
  switch (kind) {
    case 0x00:
      section.byte();
      section.u32();
      return;
    case 0x01:
    case 0x04:
    case 0x05:
      section.u32();
      return;
    case 0x03:
      if (section.byte() === 0x00) section.u32();
      return;
    default:
      throw broken('an import or export of an unknown kind');
  }
}

function skipExportTarget(section: BinaryReader): void {
  if (section.byte() === 0x00) section.byte();
  section.u32();
  if (section.byte() === 0x01) skipExternType(section);
}
