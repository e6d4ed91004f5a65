// Reads one import of a core module.

import { type BinaryReader, broken } from './binary-reader.ts';
import { readGlobal, readMemory, readTable, readTag } from './core-types.ts';
import { CAPS } from './module-caps.ts';

export type ExternKind = 'function' | 'table' | 'memory' | 'global' | 'tag';

const KINDS: readonly ExternKind[] = ['function', 'table', 'memory', 'global', 'tag'];

/** An import as it stands in the binary. */
export interface RawImport {
  readonly module: string;
  readonly name: string;
  readonly kind: ExternKind;
  /** Of a function: the index of its type. */
  readonly type?: number;
}

/** @throws WarderError `not-admitted` */
export function readImport(reader: BinaryReader): RawImport {
  const module = reader.name(CAPS.name);
  const name = reader.name(CAPS.name);
  const kind = readKind(reader);
  switch (kind) {
    case 'function':
      return { module, name, kind, type: reader.u32() };
    case 'table':
      readTable(reader);
      break;
    case 'memory':
      readMemory(reader);
      break;
    case 'global':
      readGlobal(reader);
      break;
    case 'tag':
      readTag(reader);
      break;
  }
  return { module, name, kind };
}

/** @throws WarderError `not-admitted` */
export function readKind(reader: BinaryReader): ExternKind {
  const kind = KINDS[reader.byte()];
  if (kind === undefined) throw broken('an import or export of an unknown kind');
  return kind;
}
