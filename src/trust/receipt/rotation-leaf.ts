// Showing a signer that a rotation of the log key is in the log: its receipt, and where that stands in the head.

import { decodeBase64, encodeBase64 } from '../../base/encoding/base64.ts';
import { decodeUtf8, encodeUtf8 } from '../../base/encoding/utf8.ts';
import { asWarderError, WarderError } from '../../base/errors/errors.ts';
import type { Entry, EntryQuery, Store } from '../../base/store/store.ts';
import type { Head } from '../verify/checkpoint.ts';
import { parseLeaf } from '../verify/leaf.ts';
import { verifyInclusion } from '../verify/merkle.ts';
import { hashLeaf } from './digest.ts';
import { leafSequence, type ReceiptLog } from './receipt-log.ts';

/** What a request to sign the first head under a new log key carries besides. Hashes are base64. */
export interface ShownRotation {
  /** The receipt of the rotation, and its number in the log. */
  readonly leaf: string;
  readonly index: number;
  /** Its inclusion proof in the head. */
  readonly proof: readonly string[];
}

const PROOF_MAX = 64;
const PAGE = 100;

/**
 * Shows a rotation to the signer that asks for it.
 *
 * @param digest of the rotation, hex.
 * @param size of the head that is to be signed.
 * @returns undefined when the log has no receipt of it: it was signed, and never came into force.
 */
export function showRotation(
  store: Store,
  log: ReceiptLog,
  digest: string,
  size: number,
): ShownRotation | undefined {
  const found = findReceipt(store, digest, size - 1);
  if (found === undefined) return undefined;
  const { index, bytes } = found;
  const proof = log.tree.inclusion(index, size).map((hash) => encodeBase64(hash));
  return { leaf: decodeUtf8(bytes), index, proof };
}

/** The newest comes first: it is hardly ever another. */
function findReceipt(store: Store, digest: string, newest: number): Entry | undefined {
  let from = newest;
  while (from >= 0) {
    const query: EntryQuery = { where: { type: 'key' }, from, reverse: true, limit: PAGE };
    const rows = store.read((reader) => reader.entries(leafSequence, query));
    const found = rows.find(({ bytes }) => isReceiptOf(bytes, digest));
    if (found !== undefined) return found;
    from = rows.length < PAGE ? -1 : (rows.at(-1)?.index ?? 0) - 1;
  }
  return undefined;
}

/**
 * Checks that a head holds the receipt of a rotation, beyond the leaves that the rotation is about.
 *
 * @param shown a {@link ShownRotation}, from whoever asks for a signature.
 * @param digest of the rotation, hex.
 * @param after size that the rotation names: its receipt comes later.
 * @throws WarderError `not-trusted`.
 */
export function checkRotationShown(
  shown: unknown,
  digest: string,
  after: number,
  { size, root }: Head,
): void {
  const given = (shown ?? {}) as Partial<Record<keyof ShownRotation, unknown>>;
  const { leaf, index, proof } = given;
  if (typeof leaf !== 'string' || !Array.isArray(proof) || proof.length > PROOF_MAX) {
    refuse('its receipt is not shown');
  }
  if (!Number.isSafeInteger(index) || (index as number) < after) refuse('its receipt has no place');
  const bytes = encodeUtf8(leaf);
  let fits: boolean;
  try {
    fits = isReceiptOf(bytes, digest);
    verifyInclusion({
      index: index as number,
      size,
      leafHash: hashLeaf(bytes),
      root,
      proof: (proof as readonly unknown[]).map((hash) => decodeBase64(String(hash))),
    });
  } catch (cause) {
    refuse(asWarderError(cause).message, cause);
  }
  if (!fits) refuse('the receipt is of something else');
}

function isReceiptOf(leaf: Uint8Array, digest: string): boolean {
  const { subject, predicate } = parseLeaf(leaf);
  const [{ name, digest: its }] = subject;
  return predicate.type === 'key' && name === 'rotation' && its.sha256 === digest;
}

function refuse(why: string, cause?: unknown): never {
  throw new WarderError('not-trusted', `the rotation of the log key is not in the log: ${why}`, {
    hint: 'the first head under the new key holds the receipt of its rotation',
    ...(cause === undefined ? {} : { cause }),
  });
}
