// Names and contents of C2SP tlog-tiles files: paths, hash tiles, entry bundles.

import { WarderError } from '../../base/errors/errors.ts';
import { HASH_SIZE } from './merkle.ts';
import { TILE_WIDTH } from './tile-tree.ts';

/** Most bytes of a leaf; a bundle's length field could say four times as much. */
export const MAX_LEAF_BYTES: number = 16 * 1024;

/**
 * Path of a hash tile below the log's prefix.
 *
 * @param width hashes in it; 256 is a full tile.
 */
export function tilePath(level: number, index: number, width: number = TILE_WIDTH): string {
  return `tile/${level}/${indexPath(index)}${partial(width)}`;
}

/** Path of an entry bundle below the log's prefix. */
export function bundlePath(index: number, width: number = TILE_WIDTH): string {
  return `tile/entries/${indexPath(index)}${partial(width)}`;
}

function partial(width: number): string {
  return width === TILE_WIDTH ? '' : `.p/${width}`;
}

/** 1234067 becomes `x001/x234/067`. */
function indexPath(index: number): string {
  const digits = String(index);
  const padded = digits.padStart(Math.ceil(digits.length / 3) * 3, '0');
  const elements = padded.match(/.{3}/g) ?? [];
  return elements.map((part, at) => (at < elements.length - 1 ? `x${part}` : part)).join('/');
}

/** Hashes in the rightmost tile at `level` of a tree of `size`; 0 when it is empty. */
export function partialWidth(size: number, level: number): number {
  return Math.floor(size / TILE_WIDTH ** level) % TILE_WIDTH;
}

/** Cuts a hash tile into its hashes. @throws WarderError `malformed` when it has another length. */
export function parseTile(bytes: Uint8Array, width: number): Uint8Array[] {
  if (bytes.length !== width * HASH_SIZE) {
    throw new WarderError('malformed', `a tile of ${width} hashes has ${bytes.length} bytes`);
  }
  return Array.from({ length: width }, (_, at) =>
    bytes.slice(at * HASH_SIZE, (at + 1) * HASH_SIZE),
  );
}

/** Joins leaves to an entry bundle: each with its length as a big-endian uint16 before it. */
export function formatBundle(leaves: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(leaves.reduce((sum, leaf) => sum + 2 + leaf.length, 0));
  let at = 0;
  for (const leaf of leaves) {
    if (leaf.length > MAX_LEAF_BYTES) {
      throw new WarderError('internal', `a leaf of ${leaf.length} bytes is too long`);
    }
    bytes.set([leaf.length >> 8, leaf.length & 255], at);
    bytes.set(leaf, at + 2);
    at += 2 + leaf.length;
  }
  return bytes;
}

/** Cuts an entry bundle into its leaves. @throws WarderError `malformed` when they are not `width`. */
export function parseBundle(bytes: Uint8Array, width: number): Uint8Array[] {
  const leaves: Uint8Array[] = [];
  for (let at = 0; at < bytes.length;) {
    const length = ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
    if (at + 2 + length > bytes.length) {
      throw new WarderError('malformed', 'an entry bundle is cut short');
    }
    leaves.push(bytes.slice(at + 2, at + 2 + length));
    at += 2 + length;
  }
  if (leaves.length !== width) {
    throw new WarderError('malformed', `a bundle of ${width} leaves has ${leaves.length}`);
  }
  return leaves;
}
