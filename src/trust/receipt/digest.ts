// SHA-256 as the log uses it, on node:crypto: every governed call hashes a handful of short values.

import { hash } from 'node:crypto';
import { canonicalJson } from '../../base/encoding/jcs.ts';

const LEAF = Uint8Array.of(0);
const NODE = Uint8Array.of(1);

/** RFC 6962 leaf hash. */
export function hashLeaf(leaf: Uint8Array): Uint8Array {
  return hash('sha256', Buffer.concat([LEAF, leaf]), 'buffer');
}

/** RFC 6962 hash of an inner node. */
export function hashNode(left: Uint8Array, right: Uint8Array): Uint8Array {
  return hash('sha256', Buffer.concat([NODE, left, right]), 'buffer');
}

/** SHA-256(salt ‖ text), hex: the commitment to a value whose canonical JSON is `text`. */
export function commitToText(salt: Uint8Array, text: string): string {
  return hash('sha256', Buffer.concat([salt, Buffer.from(text)]), 'hex');
}

/**
 * Canonical JSON of a fact. What JSON cannot say (a tool's unpaired surrogate) is kept as text about
 * it rather than refused: a receipt is written however the call ended.
 */
export function factText(value: unknown): string {
  try {
    return canonicalJson(value);
  } catch {
    const text = JSON.stringify(value) as string | undefined;
    return canonicalJson({ unrepresentable: (text ?? 'undefined').toWellFormed() });
  }
}
