// Which key of a signer process signs now, which did, which may come next. It signs every rotation itself, so it
// needs nobody to tell it; what it learned is durable before a signature is given.

import { readFile } from 'node:fs/promises';
import type { Clock } from '../../base/clock/clock.ts';
import { decodeBase64url } from '../../base/encoding/base64url.ts';
import { canonicalJson } from '../../base/encoding/jcs.ts';
import { isJsonObject, type Json, type JsonObject } from '../../base/encoding/json.ts';
import { parseJson } from '../../base/encoding/parse-json.ts';
import { sha256Text } from '../../base/encoding/sha256.ts';
import { decodeUtf8 } from '../../base/encoding/utf8.ts';
import { WarderError } from '../../base/errors/errors.ts';
import { publishedKey } from '../../trust/keyring/key-document.ts';
import { historyAfter, type KeyRow } from '../../trust/keyring/key-history.ts';
import { writeDurably } from '../../trust/receipt/durable-file.ts';
import type { HeadMemory } from '../../trust/receipt/head-memory.ts';
import { parsePublicJwk } from '../../trust/signer/jwk.ts';
import type { KeyUse } from '../../trust/signer/remote/protocol.ts';
import type { Admitter, PublicJwk, SignKind, SignRequest } from '../../trust/signer/signer.ts';
import { parseHead } from '../../trust/verify/checkpoint.ts';
import { loadKeys, type TrustedKeys } from '../../trust/verify/keys.ts';
import { parseRotationClaims, type RotationClaims } from '../../trust/verify/rotation.ts';
import { SKEW_SECONDS } from './ceilings.ts';

const VERSION = 1;
const BYTES_MAX = 1024 * 1024;
/** Longest grace of a rotated key, seconds: no lease lives longer. */
const GRACE_MAX = 86_400;
/** What only the key that signs now signs; each is asked before what remembers. */
const GUARDED: readonly SignKind[] = ['lease', 'checkpoint', 'revocations', 'dsse', 'attest'];

interface Known {
  readonly first: PublicJwk;
  /** Those that took effect, the first one first. */
  readonly rotations: readonly RotationClaims[];
  /** Signed; it takes effect with the first thing that the new key signs. */
  readonly pending?: RotationClaims;
}

/**
 * Writes the file of a new signer.
 *
 * @throws WarderError `conflict` when there is one: who could begin anew could bring a rotated key back.
 */
export async function createSuccession(
  path: string,
  origin: string,
  first: PublicJwk,
): Promise<void> {
  try {
    await readFile(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    return writeDurably(path, format(origin, { first, rotations: [] }));
  }
  throw new WarderError('conflict', `\`${path}\` is there already`, {
    hint: 'this state was used by a signer: nothing of it is begun anew',
  });
}

export interface SuccessionParts {
  readonly path: string;
  readonly origin: string;
  /** Thumbprint of the log key. */
  readonly logKid: string;
  /** Thumbprints of all signing keys the signer has. */
  readonly kids: readonly string[];
  readonly clock: Clock;
}

/** The succession of the signing keys of one log. */
export class Succession {
  readonly #parts: SuccessionParts;
  #known: Known;
  #history: readonly KeyRow[] = [];
  #trusted: TrustedKeys = [];
  #turn: Promise<void> = Promise.resolve();

  private constructor(parts: SuccessionParts, known: Known) {
    this.#parts = parts;
    this.#known = known;
  }

  /**
   * @throws WarderError `unavailable` when the file is missing, which never means that there was no rotation,
   *   damaged, or of keys that this signer does not have.
   */
  static async open(parts: SuccessionParts): Promise<Succession> {
    let known: Known;
    try {
      const json = parseJson(await readFile(parts.path), { maxBytes: BYTES_MAX, maxDepth: 5 });
      known = parse(json, parts.origin);
    } catch (cause) {
      throw unusable(parts.path, cause);
    }
    const opened = new Succession(parts, known);
    await opened.#adopt(known);
    const { kid } = opened.current;
    if (parts.kids.includes(kid)) return opened;
    throw new WarderError('unavailable', `the signer is without its key \`${kid}\``, {
      hint: 'it is the one that signs now: put it back into `keys` of signer.json',
    });
  }

  /** The key that signs now. */
  get current(): PublicJwk {
    return (this.#history.at(-1) as KeyRow).jwk;
  }

  /** Every signing key there was, each for what it counts for. */
  get trusted(): TrustedKeys {
    return this.#trusted;
  }

  useOf(kid: string): KeyUse {
    if (kid === this.#parts.logKid) return 'log';
    if (kid === this.current.kid) return 'signing';
    return this.#history.some(({ jwk }) => jwk.kid === kid) ? 'retired' : 'next';
  }

  /** What is asked of every request, whichever key it is for. */
  admitters(memory: HeadMemory): readonly Admitter[] {
    return [
      { kind: 'rotation', admit: (request) => this.#inTurn(() => this.#begin(request, memory)) },
      ...GUARDED.map((kind): Admitter => ({
        kind,
        admit: (request, { kid }) => {
          if (kid === this.#parts.logKid) return;
          if (kid === this.current.kid && kind !== 'checkpoint') return;
          return this.#inTurn(() => this.#use(request, kid));
        },
      })),
    ];
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    const turn = this.#turn.then(work);
    this.#turn = turn.catch(() => undefined);
    return turn;
  }

  async #begin({ payload }: SignRequest, memory: HeadMemory): Promise<void> {
    const claims = claimsOf(payload);
    const { pending, rotations } = this.#known;
    if (pending !== undefined && sameClaims(pending, claims)) return;
    const done = rotations.at(-1);
    // The signatures of one rotation are asked for one by one: the first use of the new key may come between.
    if (done !== undefined && sameClaims(done, claims)) return;
    const now = this.#parts.clock.wall() / 1000;
    const why =
      claims.seq !== this.#history.length || claims.old !== this.current.kid
        ? 'it is not from the key that signs now'
        : !this.#parts.kids.includes(claims.new.kid) || this.useOf(claims.new.kid) !== 'next'
          ? 'it is not to a key that this signer has and never signed with'
          : Math.abs(claims.iat - now) > SKEW_SECONDS
            ? 'it is not dated now'
            : claims.until - claims.iat > GRACE_MAX
              ? 'its grace is longer than a lease'
              : claims.size < (await memory.last()).size
                ? 'a larger head was signed already'
                : undefined;
    if (why !== undefined) refuse('this rotation', why);
    await this.#write({ ...this.#known, pending: claims });
  }

  /** The key is not the one that signs now, or it is asked for a head. */
  async #use(request: SignRequest, kid: string): Promise<void> {
    const { pending, rotations } = this.#known;
    const size = request.kind === 'checkpoint' ? sizeOf(request.payload) : undefined;
    if (kid === pending?.new.kid && !(size !== undefined && size <= pending.size)) {
      await this.#write({ first: this.#known.first, rotations: [...rotations, pending] });
      return;
    }
    const row = this.#history.find(({ jwk }) => jwk.kid === kid);
    if (row === undefined) refuse('this', 'no rotation to its key was signed');
    const { heads, retired } = row;
    if (size !== undefined) {
      if (size >= heads.from && size <= (heads.to ?? Infinity)) return;
      refuse('this head', 'heads of its size are signed by another key');
    }
    if (retired === undefined) return;
    // Which date a lease may have then, the lease's own admitter asks.
    const now = this.#parts.clock.wall() / 1000;
    if (request.kind === 'lease' && retired.compromised !== true && now < retired.until) return;
    refuse('this', 'its key was rotated');
  }

  async #write(known: Known): Promise<void> {
    const { path, origin } = this.#parts;
    try {
      await writeDurably(path, format(origin, known));
    } catch (cause) {
      throw unusable(path, cause);
    }
    await this.#adopt(known);
  }

  async #adopt(known: Known): Promise<void> {
    const history = historyOf(known);
    const keys = history.map((row) => publishedKey(row, this.#parts.origin, 0));
    this.#trusted = await loadKeys([JSON.stringify({ keys })]);
    this.#history = history;
    this.#known = known;
  }
}

function historyOf({ first, rotations }: Known): readonly KeyRow[] {
  let history: readonly KeyRow[] = [{ jwk: first, uri: '', since: 0, heads: { from: 0 } }];
  for (const claims of rotations) {
    // Whose signatures are on it matters to verifiers; here it was admitted.
    history = historyAfter(history, claims, { payload: '', signatures: [] }, '', 0);
  }
  return history;
}

function claimsOf(payload: Uint8Array): RotationClaims {
  const [, body = ''] = decodeUtf8(payload).split('.');
  return parseRotationClaims(parseJson(decodeBase64url(body), { maxBytes: 4096, maxDepth: 3 }));
}

function sizeOf(payload: Uint8Array): number {
  return parseHead(decodeUtf8(payload)).size;
}

function sameClaims(one: RotationClaims, other: RotationClaims): boolean {
  return canonicalJson(toJson(one)) === canonicalJson(toJson(other));
}

function toJson(claims: object): Json {
  return JSON.parse(JSON.stringify(claims)) as Json;
}

function format(origin: string, known: Known): string {
  const content = toJson({ version: VERSION, origin, ...known }) as JsonObject;
  return `${JSON.stringify({ ...content, sum: sumOf(content) })}\n`;
}

/** Tells damage; who can write the file can write this too. */
function sumOf(content: JsonObject): string {
  return sha256Text(canonicalJson(content), 'hex');
}

function parse(json: Json, expected: string): Known {
  if (!isJsonObject(json)) throw new TypeError('no object');
  const { sum, ...content } = json;
  if (sum !== sumOf(content)) throw new TypeError('it was changed');
  const { version, origin, first, rotations, pending } = content;
  if (version !== VERSION || origin !== expected) throw new TypeError('of another log');
  if (!Array.isArray(rotations)) throw new TypeError('no rotations');
  return {
    first: parsePublicJwk({ ...(first as object) }),
    rotations: (rotations as readonly Json[]).map(parseRotationClaims),
    ...(pending === undefined ? {} : { pending: parseRotationClaims(pending) }),
  };
}

function refuse(what: string, why: string): never {
  throw new WarderError('not-trusted', `the signer refuses ${what}: ${why}`, {
    hint: 'keys change by `warder keys rotate`, to one made with `warder signer add-key`',
  });
}

function unusable(path: string, cause: unknown): WarderError {
  return new WarderError('unavailable', `the signer's memory \`${path}\` cannot be used`, {
    cause,
    hint: 'restore it from a backup; without it nothing is signed',
  });
}
