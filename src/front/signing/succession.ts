// Which keys of a signer process sign now, which did, which may come next: of the log, and of leases. It signs every
// rotation itself, so it needs nobody to tell it; what it learned is durable before a signature is given.

import type { Clock } from '../../base/clock/clock.ts';
import { decodeBase64url } from '../../base/encoding/base64url.ts';
import { canonicalJson } from '../../base/encoding/jcs.ts';
import type { Json } from '../../base/encoding/json.ts';
import { parseJson } from '../../base/encoding/parse-json.ts';
import { decodeUtf8 } from '../../base/encoding/utf8.ts';
import { WarderError } from '../../base/errors/errors.ts';
import { publishedKey } from '../../trust/keyring/key-document.ts';
import { historyAfter, type KeyRow } from '../../trust/keyring/key-history.ts';
import { digestOfClaims } from '../../trust/keyring/sign-rotation.ts';
import type { HeadMemory } from '../../trust/receipt/head-memory.ts';
import { checkRotationShown } from '../../trust/receipt/rotation-leaf.ts';
import type { KeyUse } from '../../trust/signer/remote/protocol.ts';
import type { Admitter, PublicJwk, SignKind, SignRequest } from '../../trust/signer/signer.ts';
import { type Head, parseHead } from '../../trust/verify/checkpoint.ts';
import { loadKeys, type TrustedKeys } from '../../trust/verify/keys.ts';
import { parseRotationClaims, type RotationClaims } from '../../trust/verify/rotation.ts';
import { SKEW_SECONDS } from './ceilings.ts';
import {
  afterPending,
  type KeyLine,
  type KeyRole,
  keyRoles,
  type Known,
  readSuccession,
  writeSuccession,
} from './succession-file.ts';

/** Longest grace of a rotated key, seconds: no lease lives longer. */
const GRACE_MAX = 86_400;
/** What only the key that signs now signs, besides heads. */
const GUARDED: readonly SignKind[] = ['lease', 'revocations', 'dsse', 'attest'];

export interface SuccessionParts {
  readonly path: string;
  readonly origin: string;
  /** Thumbprints of all keys the signer has. */
  readonly kids: Readonly<Record<KeyRole, readonly string[]>>;
  readonly clock: Clock;
}

/** What a signer process asks of each request, whichever key it is for. */
export interface SuccessionAdmitters {
  /** Goes before what remembers: what is refused leaves nothing. */
  readonly before: readonly Admitter[];
  /** Goes after what remembers: a rotation takes effect by a head that may be signed, and by no other. */
  readonly after: readonly Admitter[];
}

/** The succession of the keys of one log. */
export class Succession {
  readonly #parts: SuccessionParts;
  #known: Known;
  #histories: Readonly<Record<KeyRole, readonly KeyRow[]>> = { signing: [], log: [] };
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
    const known = await readSuccession(parts.path, parts.origin);
    const opened = new Succession(parts, known);
    await opened.#adopt(known);
    for (const role of keyRoles) {
      const { kid } = opened.current(role);
      if (parts.kids[role].includes(kid)) continue;
      throw new WarderError('unavailable', `the signer is without its key \`${kid}\``, {
        hint: `it is the one that signs now: put it back into signer.json; if it is lost, with \`"lost": true\``,
      });
    }
    return opened;
  }

  /** The key that signs now. */
  current(role: KeyRole): PublicJwk {
    return this.#current(role).jwk;
  }

  /** Every key there was that signs leases, each for what it counts for. */
  get trusted(): TrustedKeys {
    return this.#trusted;
  }

  /** Last heads of the logs before this one. */
  get ended(): readonly Head[] {
    return this.#known.ended;
  }

  /** Of a rotation of the log key that was signed: its receipt has to be in the first head under the new key. */
  get awaited(): string | undefined {
    const { pending } = this.#known.log;
    return pending === undefined ? undefined : digestOfClaims(pending);
  }

  useOf(kid: string): KeyUse {
    for (const role of keyRoles) {
      if (kid === this.current(role).kid) return role;
      if (this.#histories[role].some(({ jwk }) => jwk.kid === kid)) return 'retired';
    }
    return this.#known.former.includes(kid) ? 'retired' : 'next';
  }

  /** Whether it is the log key of now, or the one that a rotation which was signed leads to. */
  isLogKey(kid: string): boolean {
    return this.#speaksFor('log', kid);
  }

  admitters(memory: HeadMemory): SuccessionAdmitters {
    const judge: Admitter = {
      kind: 'checkpoint',
      admit: (request, { kid }) =>
        this.#inTurn(() => {
          this.#judgeHead(request, kid);
          return Promise.resolve();
        }),
    };
    return {
      before: [
        {
          kind: 'rotation',
          admit: (request, { kid }) => this.#inTurn(() => this.#begin(request, kid, memory)),
        },
        judge,
        ...GUARDED.map((kind): Admitter => ({
          kind,
          admit: (request, { kid }) => {
            if (keyRoles.some((role) => kid === this.current(role).kid)) return;
            return this.#inTurn(() => this.#use(request, kid));
          },
        })),
      ],
      after: [
        {
          kind: 'checkpoint',
          admit: (request, { kid }) =>
            this.#inTurn(async () => {
              const known = this.#judgeHead(request, kid);
              if (known !== this.#known) await this.#write(known);
            }),
        },
      ],
    };
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    const turn = this.#turn.then(work);
    this.#turn = turn.catch(() => undefined);
    return turn;
  }

  async #begin({ payload }: SignRequest, kid: string, memory: HeadMemory): Promise<void> {
    const claims = claimsOf(payload);
    const role: KeyRole = claims.role ?? 'signing';
    const { pending, rotations } = this.#known[role];
    const other: KeyRole = role === 'log' ? 'signing' : 'log';
    const party = kid === claims.old || kid === claims.new.kid || this.#speaksFor(other, kid);
    if (!party) refuse('this rotation', 'it is for the keys that sign now to say');
    if (pending !== undefined && sameClaims(pending, claims)) return;
    const done = rotations.at(-1);
    // The signatures of one rotation are asked for one by one: the first use of the new key may come between.
    if (done !== undefined && sameClaims(done, claims)) return;
    const now = this.#parts.clock.wall() / 1000;
    const why =
      claims.seq !== this.#histories[role].length || claims.old !== this.current(role).kid
        ? 'it is not from the key that signs now'
        : !this.#parts.kids[role].includes(claims.new.kid) || this.useOf(claims.new.kid) !== 'next'
          ? 'it is not to a key that this signer has and never signed with'
          : Math.abs(claims.iat - now) > SKEW_SECONDS
            ? 'it is not dated now'
            : claims.until - claims.iat > GRACE_MAX
              ? 'its grace is longer than a lease'
              : claims.size < (await memory.last()).size
                ? 'a larger head was signed already'
                : !isRange(this.#current(role).heads.from, claims.size)
                  ? 'no sizes of heads are left to the old key, or none to the new one'
                  : undefined;
    if (why !== undefined) refuse('this rotation', why);
    await this.#write({ ...this.#known, [role]: { ...this.#known[role], pending: claims } });
  }

  /** What is known once a head is signed; the same when nothing changes by it. */
  #judgeHead({ payload, evidence }: SignRequest, kid: string): Known {
    const head = parseHead(decodeUtf8(payload));
    for (const role of keyRoles) {
      const line = this.#known[role];
      const { pending } = line;
      const beyond = pending !== undefined && head.size > pending.size;
      if (beyond && kid === pending.new.kid) {
        if (role === 'log') checkShown(pending, evidence, head);
        return { ...this.#known, [role]: afterPending(line) };
      }
      const row = this.#histories[role].find(({ jwk }) => jwk.kid === kid);
      if (row === undefined) continue;
      const { from, to = Infinity } = row.heads;
      if (head.size < from || head.size > to) {
        refuse('this head', 'heads of its size are signed by another key');
      }
      // Each head has one key of the role: by this one it is the old key's, and the rotation never comes.
      if (beyond && kid === this.current(role).kid) {
        return { ...this.#known, [role]: withoutPending(line) };
      }
      return this.#known;
    }
    return refuse('this head', 'no rotation to its key was signed');
  }

  /** The key is not one that signs now, and it is asked for something else than a head. */
  async #use({ kind }: SignRequest, kid: string): Promise<void> {
    const { signing } = this.#known;
    if (kid === signing.pending?.new.kid) {
      await this.#write({ ...this.#known, signing: afterPending(signing) });
      return;
    }
    if (kid === this.#known.log.pending?.new.kid) {
      refuse('this', 'its key signs a head of the log first');
    }
    const row = keyRoles
      .flatMap((role) => this.#histories[role])
      .find(({ jwk }) => jwk.kid === kid);
    if (row === undefined) refuse('this', 'no rotation to its key was signed');
    const { retired } = row;
    if (retired === undefined) return;
    // Which date a lease may have then, the lease's own admitter asks.
    const now = this.#parts.clock.wall() / 1000;
    if (kind === 'lease' && retired.compromised !== true && now < retired.until) return;
    refuse('this', 'its key was rotated');
  }

  #current(role: KeyRole): KeyRow {
    return this.#histories[role].at(-1) as KeyRow;
  }

  #speaksFor(role: KeyRole, kid: string): boolean {
    return kid === this.current(role).kid || kid === this.#known[role].pending?.new.kid;
  }

  /** What would not be read again is not written. */
  async #write(known: Known): Promise<void> {
    const { path, origin } = this.#parts;
    await this.#adopt(known, () => writeSuccession(path, origin, known));
  }

  async #adopt(known: Known, durably = (): Promise<void> => Promise.resolve()): Promise<void> {
    const histories = { signing: historyOf(known.signing), log: historyOf(known.log) };
    const keys = histories.signing.map((row) => publishedKey(row, this.#parts.origin, 0));
    const trusted = await loadKeys([JSON.stringify({ keys })]);
    await durably();
    this.#trusted = trusted;
    this.#histories = histories;
    this.#known = known;
  }
}

/** Whether a key that begins there can end at that size, and another follow. */
function isRange(from: number, to: number): boolean {
  return from <= to && Number.isSafeInteger(to + 1);
}

function historyOf({ first, rotations }: KeyLine): readonly KeyRow[] {
  let history: readonly KeyRow[] = [{ jwk: first, uri: '', since: 0, heads: { from: 0 } }];
  for (const claims of rotations) {
    // Whose signatures are on it matters to verifiers; here it was admitted.
    history = historyAfter(history, claims, { payload: '', signatures: [] }, '', 0);
  }
  return history;
}

function withoutPending({ first, rotations }: KeyLine): KeyLine {
  return { first, rotations };
}

/** The log says itself which key signs it: before a head holds that, no head is the new key's. */
function checkShown(pending: RotationClaims, evidence: unknown, head: Head): void {
  const { rotation } = (evidence ?? {}) as { readonly rotation?: unknown };
  checkRotationShown(rotation, digestOfClaims(pending), pending.size, head);
}

function claimsOf(payload: Uint8Array): RotationClaims {
  const [, body = ''] = decodeUtf8(payload).split('.');
  return parseRotationClaims(parseJson(decodeBase64url(body), { maxBytes: 4096, maxDepth: 3 }));
}

function sameClaims(one: RotationClaims, other: RotationClaims): boolean {
  return canonicalJson(toJson(one)) === canonicalJson(toJson(other));
}

function toJson(claims: object): Json {
  return JSON.parse(JSON.stringify(claims)) as Json;
}

function refuse(what: string, why: string): never {
  throw new WarderError('not-trusted', `the signer refuses ${what}: ${why}`, {
    hint: 'keys change by `warder keys rotate`, to one made with `warder signer add-key`',
  });
}
