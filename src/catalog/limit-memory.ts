// Rewrites a core module so that no memory of its own can grow beyond the limit of a grant.

import { WarderError } from '../base/errors/errors.ts';
import { BinaryReader, broken } from './binary-reader.ts';

const PAGE = 65_536;
const MEMORY_SECTION = 5;
/** Memories of one module (the multi-memory proposal allows more than one). */
const MAX_MEMORIES = 16;

/**
 * The same module with each memory's maximum at `maxBytes` at most. Only the memory section changes;
 * nothing is compiled.
 *
 * @throws WarderError `not-admitted` when a memory starts larger than that, is shared or 64-bit.
 */
export function limitMemory(module: Uint8Array, maxBytes: number): Uint8Array {
  const reader = new BinaryReader(module);
  reader.take(8);
  const parts: Uint8Array[] = [];
  let kept = 0;
  while (!reader.atEnd) {
    const start = reader.offset;
    const id = reader.byte();
    const body = reader.take(reader.u32());
    if (id !== MEMORY_SECTION) continue;
    const limited = memorySection(new BinaryReader(body), Math.floor(maxBytes / PAGE));
    parts.push(module.subarray(kept, start), Uint8Array.of(MEMORY_SECTION, ...leb(limited.length)));
    parts.push(Uint8Array.from(limited));
    kept = reader.offset;
  }
  if (parts.length === 0) return module;
  parts.push(module.subarray(kept));
  return concat(parts);
}

function memorySection(section: BinaryReader, maxPages: number): number[] {
  const count = section.count('memories', MAX_MEMORIES);
  // Several memories share the limit.
  const share = count === 0 ? maxPages : Math.floor(maxPages / count);
  const out = leb(count);
  for (let index = 0; index < count; index += 1) {
    const { minimum, maximum } = readMemory(section);
    if (minimum > share) {
      const needed = `${String((minimum * count) / 16)} MiB`;
      throw new WarderError(
        'not-admitted',
        `the module starts with more memory than its limit allows`,
        {
          hint: `grant at least \`--max-memory ${needed.replace(' ', '')}\``,
          data: { needed: minimum * PAGE * count, limit: maxPages * PAGE },
        },
      );
    }
    out.push(0x01, ...leb(minimum), ...leb(Math.min(maximum ?? share, share)));
  }
  if (!section.atEnd) throw broken('bytes after the memories');
  return out;
}

/** One memory type, in pages. @throws WarderError `not-admitted` for shared and 64-bit memories. */
export function readMemory(section: BinaryReader): {
  readonly minimum: number;
  readonly maximum: number | undefined;
} {
  const flags = section.byte();
  if (flags > 0x01) {
    throw new WarderError('not-admitted', 'the module has a shared or 64-bit memory', {
      hint: 'build for wasm32 without threads',
    });
  }
  const minimum = section.u32();
  const maximum = flags === 0x01 ? section.u32() : undefined;
  if (minimum > PAGE || (maximum !== undefined && (maximum > PAGE || maximum < minimum))) {
    throw broken('a memory of an impossible size');
  }
  return { minimum, maximum };
}

function leb(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  do {
    const low = rest & 0x7f;
    rest >>>= 7;
    bytes.push(rest === 0 ? low : low | 0x80);
  } while (rest !== 0);
  return bytes;
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
