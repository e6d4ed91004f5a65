// What a signer process knows of its keys, as it is kept: who was first, and the rotations it signed since.

import { readFile } from 'node:fs/promises';
import { decodeBase64, encodeBase64 } from '../../base/encoding/base64.ts';
import { canonicalJson } from '../../base/encoding/jcs.ts';
import { isJsonObject, type Json, type JsonObject } from '../../base/encoding/json.ts';
import { parseJson } from '../../base/encoding/parse-json.ts';
import { sha256Text } from '../../base/encoding/sha256.ts';
import { WarderError } from '../../base/errors/errors.ts';
import { writeDurably } from '../../trust/receipt/durable-file.ts';
import { parsePublicJwk } from '../../trust/signer/jwk.ts';
import type { PublicJwk } from '../../trust/signer/signer.ts';
import type { Head } from '../../trust/verify/checkpoint.ts';
import { HASH_SIZE } from '../../trust/verify/merkle.ts';
import { parseRotationClaims, type RotationClaims } from '../../trust/verify/rotation.ts';

const VERSION = 1;
const BYTES_MAX = 1024 * 1024;
const FORMER_MAX = 2000;
const KID = /^[A-Za-z0-9_-]{43}$/;

/** The two keys a log has at a time. */
export const keyRoles = ['signing', 'log'] as const;
export type KeyRole = (typeof keyRoles)[number];

/** The keys of one role, one after the other. */
export interface KeyLine {
  readonly first: PublicJwk;
  /** Those that took effect, the first one first. */
  readonly rotations: readonly RotationClaims[];
  /** Signed; it takes effect with the first thing that the new key signs. */
  readonly pending?: RotationClaims;
}

/** What is known. */
export interface Known extends Readonly<Record<KeyRole, KeyLine>> {
  /** Thumbprints of keys that signed for logs before this one, and were rotated then: none comes back. */
  readonly former: readonly string[];
  /** Last heads of the logs before this one, the first log first; one whose memory was lost is missing. */
  readonly ended: readonly Head[];
}

/** What is known at the beginning of a log. */
export function beginning(
  first: Readonly<Record<KeyRole, PublicJwk>>,
  before: Pick<Known, 'former' | 'ended'> = { former: [], ended: [] },
): Known {
  const line = (jwk: PublicJwk): KeyLine => ({ first: jwk, rotations: [] });
  return { ...before, signing: line(first.signing), log: line(first.log) };
}

/** What a role has once the rotation that was signed takes effect. */
export function afterPending({ first, rotations, pending }: KeyLine): KeyLine {
  return { first, rotations: pending === undefined ? rotations : [...rotations, pending] };
}

/** The key of a role that signs now. */
export function currentKey({ first, rotations }: KeyLine): PublicJwk {
  return rotations.at(-1)?.new ?? first;
}

/** Thumbprints of all keys that were rotated, under whichever log: none comes back. */
export function rotatedKids(known: Known): readonly string[] {
  const rotated = keyRoles.flatMap((role) => known[role].rotations.map(({ old }) => old));
  return [...known.former, ...rotated];
}

/**
 * Writes the file of a new log.
 *
 * @throws WarderError `conflict` when there is one: who could begin anew could bring a rotated key back.
 */
export async function createSuccession(path: string, origin: string, known: Known): Promise<void> {
  try {
    await readFile(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    return writeSuccession(path, origin, known);
  }
  throw new WarderError('conflict', `\`${path}\` is there already`, {
    hint: 'this state was used by a signer: nothing of it is begun anew',
  });
}

/**
 * @throws WarderError `unavailable` when the file is missing, which never means that there was no rotation, damaged,
 *   or of another log.
 */
export async function readSuccession(path: string, origin: string): Promise<Known> {
  try {
    return parse(parseJson(await readFile(path), { maxBytes: BYTES_MAX, maxDepth: 6 }), origin);
  } catch (cause) {
    throw unusable(path, cause);
  }
}

/** Durable when it resolves. @throws WarderError `unavailable`. */
export async function writeSuccession(path: string, origin: string, known: Known): Promise<void> {
  const ended = known.ended.map((head) => ({ ...head, root: encodeBase64(head.root) }));
  const whole = { version: VERSION, origin, ...known, ended };
  const content = JSON.parse(JSON.stringify(whole)) as JsonObject;
  try {
    await writeDurably(path, `${JSON.stringify({ ...content, sum: sumOf(content) })}\n`);
  } catch (cause) {
    throw unusable(path, cause);
  }
}

/** Tells damage; who can write the file can write this too. */
function sumOf(content: JsonObject): string {
  return sha256Text(canonicalJson(content), 'hex');
}

function parse(json: Json, expected: string): Known {
  if (!isJsonObject(json)) throw new TypeError('no object');
  const { sum, ...content } = json;
  if (sum !== sumOf(content)) throw new TypeError('it was changed');
  const { version, origin, signing, log, former, ended } = content;
  if (version !== VERSION || origin !== expected) throw new TypeError('of another log');
  if (!Array.isArray(former) || former.length > FORMER_MAX) throw new TypeError('no former keys');
  if (!former.every((kid): kid is string => typeof kid === 'string' && KID.test(kid))) {
    throw new TypeError('a former key is none');
  }
  if (!Array.isArray(ended)) throw new TypeError('no logs before it');
  return {
    signing: parseLine(signing),
    log: parseLine(log),
    former,
    ended: (ended as readonly Json[]).map(parseEndedHead),
  };
}

function parseLine(json: Json | undefined): KeyLine {
  if (!isJsonObject(json)) throw new TypeError('no keys');
  const { first, rotations, pending } = json;
  if (!Array.isArray(rotations)) throw new TypeError('no rotations');
  return {
    first: parsePublicJwk({ ...(first as object) }),
    rotations: (rotations as readonly Json[]).map(parseRotationClaims),
    ...(pending === undefined ? {} : { pending: parseRotationClaims(pending) }),
  };
}

/** A head as it is kept and sent. @throws TypeError. */
export function parseEndedHead(json: Json): Head {
  if (!isJsonObject(json)) throw new TypeError('no head');
  const { origin, size, root } = json;
  const hash = typeof root === 'string' ? decodeBase64(root) : new Uint8Array();
  if (typeof origin !== 'string' || hash.length !== HASH_SIZE) throw new TypeError('no head');
  if (!Number.isSafeInteger(size) || (size as number) < 0) throw new TypeError('no size');
  return { origin, size: size as number, root: hash };
}

function unusable(path: string, cause: unknown): WarderError {
  return new WarderError('unavailable', `the signer's memory \`${path}\` cannot be used`, {
    cause,
    hint: 'restore it from a backup; without it nothing is signed',
  });
}
