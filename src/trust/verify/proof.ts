// C2SP tlog-proof: a leaf, its place in a log and the checkpoint that covers it, in one text.

import { decodeBase64, encodeBase64 } from '../../base/encoding/base64.ts';
import { WarderError } from '../../base/errors/errors.ts';
import { parseDecimal } from './checkpoint.ts';
import { HASH_SIZE } from './merkle.ts';

const FIRST_LINE = 'c2sp.org/tlog-proof@v1';
const MAX_PROOF = 512 * 1024;
const MAX_HASHES = 63;

/** A proof taken apart; nothing is verified yet, and `extra` least of all. */
export interface TlogProof {
  /** Opaque and unauthenticated; warder puts the leaf there. */
  readonly extra?: Uint8Array;
  readonly index: number;
  readonly hashes: readonly Uint8Array[];
  /** The signed note, verbatim. */
  readonly checkpoint: string;
}

/** @throws WarderError `malformed`. */
export function parseProof(text: string): TlogProof {
  if (text.length > MAX_PROOF) refuse('it is too long');
  const split = text.indexOf('\n\n');
  if (split < 0) refuse('it has no checkpoint after a blank line');
  const [first, ...lines] = text.slice(0, split).split('\n');
  if (first !== FIRST_LINE) refuse(`its first line is not \`${FIRST_LINE}\``);
  const extra = lines[0]?.startsWith('extra ') ? lines.shift()?.slice(6) : undefined;
  const [index = '', ...encoded] = lines;
  if (!index.startsWith('index ')) refuse('it has no index line');
  if (encoded.length > MAX_HASHES) refuse('it has too many hashes');
  const hashes = encoded.map((line) => decodeBase64(line));
  if (hashes.some((hash) => hash.length !== HASH_SIZE)) refuse('a hash has the wrong length');
  return {
    ...(extra === undefined ? {} : { extra: decodeBase64(extra) }),
    index: parseDecimal(index.slice(6)),
    hashes,
    checkpoint: text.slice(split + 2),
  };
}

/** Writes a proof. */
export function formatProof({ extra, index, hashes, checkpoint }: TlogProof): string {
  const lines = [
    FIRST_LINE,
    ...(extra === undefined ? [] : [`extra ${encodeBase64(extra)}`]),
    `index ${index}`,
    ...hashes.map((hash) => encodeBase64(hash)),
  ];
  return `${lines.join('\n')}\n\n${checkpoint}`;
}

function refuse(why: string): never {
  throw new WarderError('malformed', `not a tlog-proof: ${why}`);
}
