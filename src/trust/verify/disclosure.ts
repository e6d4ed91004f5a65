// A receipt with some of its commitments opened: what one reader was given to see, checked offline.

import { decodeHex } from '../../base/encoding/hex.ts';
import { isJsonObject, type Json } from '../../base/encoding/json.ts';
import { parseJson } from '../../base/encoding/parse-json.ts';
import { WarderError } from '../../base/errors/errors.ts';
import type { Requirement } from './checkpoint.ts';
import { SALT_SIZE, verifyOpening } from './commitment.ts';
import type { TrustedKeys } from './keys.ts';
import type { Commitment, ReceiptStatement } from './leaf.ts';
import { type VerifiedReceipt, verifyReceipt } from './receipt.ts';

/** The file's `_type`; under a name nobody can own, and never fetched. */
export const DISCLOSURE_TYPE = 'https://warder.invalid/disclosure/v1';

const MAX_DISCLOSURE = 8 * 1024 * 1024;

/** What opens one commitment, as far as it is handed over. */
export type DisclosedOpening =
  | { readonly salt: string; readonly value: Json }
  /** The value is not kept, only how long its canonical JSON is: who has it can still check it. */
  | { readonly salt: string; readonly bytes: number };

/** A receipt and openings of it. */
export interface Disclosure {
  readonly _type: typeof DISCLOSURE_TYPE;
  /** The tlog-proof. */
  readonly proof: string;
  /** By the name of the commitment: those of the leaf, `policy`, and `effects/0` and so on. */
  readonly openings: Readonly<Record<string, DisclosedOpening>>;
}

/** What a verified disclosure says. */
export interface VerifiedDisclosure {
  readonly receipt: VerifiedReceipt;
  /** Values by the names of their commitments. */
  readonly disclosed: Readonly<Record<string, Json>>;
  /** Commitments whose values one has to have from elsewhere. */
  readonly unopened: readonly string[];
  /** Commitments nothing was said about. */
  readonly sealed: readonly string[];
}

/** Every commitment of a leaf, by name. */
export function commitmentsOf({ predicate }: ReceiptStatement): ReadonlyMap<string, Commitment> {
  const { commitments = {}, decision, effects = [] } = predicate;
  return new Map([
    ...Object.entries(commitments),
    ...(decision === undefined ? [] : [['policy', decision.policy] as const]),
    ...effects.map(({ target }, at) => [`effects/${at}`, target] as const),
  ]);
}

/** Whether a text is a disclosure rather than a proof. */
export function isDisclosure(text: string): boolean {
  return text.trimStart().startsWith('{') && text.includes(`"${DISCLOSURE_TYPE}"`);
}

/**
 * Verifies the receipt, and that every opening is of what the receipt commits to.
 *
 * @param values what one has from elsewhere, by the names of commitments whose salts are disclosed.
 * @throws WarderError as for a receipt; `verification-failed` for an opening of something else.
 */
export async function verifyDisclosure(
  text: string,
  keys: TrustedKeys,
  requirement: Requirement = {},
  values: Readonly<Record<string, Json>> = {},
): Promise<VerifiedDisclosure> {
  const { proof, openings } = parseDisclosure(text);
  const receipt = await verifyReceipt(proof, keys, requirement);
  const commitments = commitmentsOf(receipt.statement);
  const disclosed: Record<string, Json> = Object.create(null) as Record<string, Json>;
  const unopened: string[] = [];
  for (const [name, opening] of Object.entries(openings)) {
    const commitment = commitments.get(name);
    if (commitment === undefined) fail(`the receipt commits to nothing named \`${shown(name)}\``);
    const value = 'value' in opening ? opening.value : values[name];
    if (value === undefined) {
      unopened.push(name);
      continue;
    }
    verifyOpening(commitment, { salt: opening.salt, value });
    disclosed[name] = value;
  }
  const strange = Object.keys(values).find((name) => !(name in openings));
  if (strange !== undefined) fail(`the salt of \`${shown(strange)}\` is not disclosed`);
  const sealed = [...commitments.keys()].filter((name) => !(name in openings));
  return { receipt, disclosed, unopened, sealed };
}

function parseDisclosure(text: string): Disclosure {
  const json = parseJson(text, { maxBytes: MAX_DISCLOSURE, maxDepth: 64 });
  if (!isJsonObject(json)) refuse('it is no object');
  const { _type, proof, openings, ...more } = json;
  if (_type !== DISCLOSURE_TYPE) refuse(`its \`_type\` is not \`${DISCLOSURE_TYPE}\``);
  if (typeof proof !== 'string') refuse('it has no proof');
  if (!isJsonObject(openings)) refuse('it has no openings');
  if (Object.keys(more).length > 0) refuse('it has unknown members');
  for (const opening of Object.values(openings)) checkOpening(opening);
  return { _type, proof, openings: openings as unknown as Disclosure['openings'] };
}

function checkOpening(opening: Json): void {
  if (!isJsonObject(opening)) refuse('an opening is no object');
  const { salt, value, bytes, ...more } = opening;
  if (typeof salt !== 'string' || decodeHex(salt).length !== SALT_SIZE)
    refuse('a salt has 16 bytes');
  const one = (value === undefined) !== (bytes === undefined);
  const size = bytes === undefined || (Number.isSafeInteger(bytes) && (bytes as number) >= 0);
  if (!one || !size || Object.keys(more).length > 0) {
    refuse('an opening is a salt with a value or with its length');
  }
}

function shown(name: string): string {
  return name.slice(0, 64);
}

function refuse(why: string): never {
  throw new WarderError('malformed', `not a disclosed receipt: ${why}`);
}

function fail(why: string): never {
  throw new WarderError('verification-failed', why, {
    hint: 'do not rely on it; have the receipt disclosed again',
  });
}
