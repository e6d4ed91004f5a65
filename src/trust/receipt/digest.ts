// SHA-256 as the log uses it, on node:crypto: every governed call hashes a handful of short values.

import { hash } from 'node:crypto';
import { canonicalJson } from '../../base/encoding/jcs.ts';
import type { Json } from '../../base/encoding/json.ts';

const LEAF = 0;
const NODE = 1;

/** RFC 6962 leaf hash. */
export function hashLeaf(leaf: Uint8Array): Uint8Array {
  const bytes = Buffer.allocUnsafe(1 + leaf.length);
  bytes[0] = LEAF;
  bytes.set(leaf, 1);
  return hash('sha256', bytes, 'buffer');
}

/** RFC 6962 hash of an inner node. */
export function hashNode(left: Uint8Array, right: Uint8Array): Uint8Array {
  const bytes = Buffer.allocUnsafe(1 + left.length + right.length);
  bytes[0] = NODE;
  bytes.set(left, 1);
  bytes.set(right, 1 + left.length);
  return hash('sha256', bytes, 'buffer');
}

/** SHA-256(salt ‖ text), hex: the commitment to a value whose canonical JSON is `text`. */
export function commitToText(salt: Uint8Array, text: string): string {
  const bytes = Buffer.allocUnsafe(salt.length + text.length * 3);
  bytes.set(salt);
  const written = bytes.write(text, salt.length);
  return hash('sha256', bytes.subarray(0, salt.length + written), 'hex');
}

/**
 * Canonical JSON of a fact, and the fact as it says it. What JSON cannot say (a tool's unpaired
 * surrogate) is kept as text about it rather than refused: a receipt is written however the call ended.
 */
export function factText(value: unknown): readonly [text: string, fact: Json] {
  try {
    return [canonicalJson(value), value as Json];
  } catch {
    const text = JSON.stringify(value) as string | undefined;
    const fact = { unrepresentable: (text ?? 'undefined').toWellFormed() };
    return [canonicalJson(fact), fact];
  }
}
