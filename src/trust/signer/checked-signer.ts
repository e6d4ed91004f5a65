// The signer everyone sees: asks roles, shape and admitters before a back end, and believes no back end.

import { createPublicKey, type KeyObject, randomBytes, verify } from 'node:crypto';
import { promisify } from 'node:util';
import { encodeHex } from '../../base/encoding/hex.ts';
import { encodeUtf8 } from '../../base/encoding/utf8.ts';
import { WarderError } from '../../base/errors/errors.ts';
import type { TpmAttestor } from '../tpm/attestor.ts';
import { ALGORITHMS, spki } from './jwk.ts';
import { lowS } from './low-s.ts';
import { checkShape, PROBE_PREFIX } from './shape.ts';
import type {
  Admitter,
  Custody,
  KeepingAdmitter,
  PublicJwk,
  Signer,
  SignKind,
  SignRequest,
} from './signer.ts';
import { isPassing } from './trouble.ts';

/** On another thread: the event loop has other calls to serve meanwhile. */
const verifyAside = promisify(verify);

/** What a back end gives: a key that signs bytes. Its answers are checked here. */
export interface BackEndKey {
  readonly key: PublicJwk;
  readonly custody: Custody;
  /** There when the device can prove to others where the key is. */
  readonly attestor?: TpmAttestor;
  /** Resolves when the key can sign; rejects for good when it never will. */
  ready(): Promise<void>;
  /**
   * Raw `r || s`, or 64 bytes for EdDSA.
   *
   * @param request what `payload` was given with: its kind decides whose turn it is, its evidence goes to a
   *   signer elsewhere.
   */
  sign(payload: Uint8Array, request: SignRequest): Promise<Uint8Array>;
  close(): Promise<void>;
}

/** Who may be asked what. */
export interface SignerRules {
  readonly roles: readonly SignKind[];
  /** Called, in order, before the back end; each for its own kind. */
  readonly admitters?: readonly Admitter[];
}

/** A signer whose key may still be unlocking. */
export interface OpenedSigner extends Signer {
  /**
   * Resolves after the key was unlocked and signed a probe that verified. Trouble that may pass is looked at
   * again with the next request; any other answer stays.
   */
  ready(): Promise<void>;
  /** There when the device can prove to others where the key is. */
  readonly attestor?: TpmAttestor | undefined;
  /** While its device was never there: of the key no more is known than its public half. */
  readonly awaited?: boolean;
}

/** Puts the checks in front of a back end's key and starts its self-check. */
export function checkedSigner(backEnd: BackEndKey, rules: SignerRules): OpenedSigner {
  return new CheckedSigner(backEnd, rules);
}

class CheckedSigner implements OpenedSigner {
  readonly key: PublicJwk;
  readonly custody: Custody;
  readonly roles: readonly SignKind[];
  readonly #backEnd: BackEndKey;
  readonly #admitters: readonly Admitter[];
  readonly #public: KeyObject;
  readonly attestor?: TpmAttestor;
  #ready: Promise<void>;
  #closed = false;
  #checkAgain = false;

  constructor(backEnd: BackEndKey, rules: SignerRules) {
    this.key = backEnd.key;
    this.custody = Object.freeze({ ...backEnd.custody });
    this.roles = Object.freeze([...rules.roles]);
    if (backEnd.attestor !== undefined) this.attestor = backEnd.attestor;
    this.#backEnd = backEnd;
    this.#admitters = [...(rules.admitters ?? [])];
    this.#public = createPublicKey({
      key: Buffer.from(spki(this.key)),
      format: 'der',
      type: 'spki',
    });
    this.#ready = this.#checkSelf();
  }

  ready(): Promise<void> {
    if (this.#checkAgain) {
      this.#checkAgain = false;
      this.#ready = this.#checkSelf();
    }
    return this.#ready;
  }

  async sign(request: SignRequest): Promise<Uint8Array> {
    const { kind, evidence } = request;
    // The caller may change its buffer while the admitter or the device thinks.
    const payload = Uint8Array.from(request.payload);
    if (!this.roles.includes(kind)) {
      throw new WarderError('not-trusted', `this key does not sign \`${kind}\``, {
        hint: `its roles are ${this.roles.join(', ')}`,
      });
    }
    const admitters = this.#admitters.filter((admitter) => admitter.kind === kind);
    const snapshot = Object.freeze(
      evidence === undefined ? { kind, payload } : { kind, payload, evidence },
    );
    checkShape(snapshot, admitters.length > 0);
    for (const admitter of admitters) {
      await admitter.admit({ ...snapshot, payload: Uint8Array.from(payload) }, this.key);
    }
    const keepers = admitters.filter(keeps);
    for (const keeper of keepers) {
      const kept = keeper.kept(snapshot, this.key);
      if (kept !== undefined && (await this.#holds(payload, kept))) return Uint8Array.from(kept);
    }
    await this.ready();
    const signature = await this.#signAndVerify(snapshot);
    for (const keeper of keepers) await keeper.keep(snapshot, this.key, signature);
    return signature;
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#backEnd.close();
  }

  #checkSelf(): Promise<void> {
    const ready = this.#selfCheck();
    // Whoever signs hears of it; a process that only listens must not die of it.
    ready.catch((error: unknown) => {
      if (isPassing(error) && !this.#closed) this.#checkAgain = true;
    });
    return ready;
  }

  async #selfCheck(): Promise<void> {
    await this.#backEnd.ready();
    const payload = encodeUtf8(PROBE_PREFIX + encodeHex(randomBytes(16)));
    await this.#signAndVerify({ kind: 'probe', payload });
  }

  async #signAndVerify(request: SignRequest): Promise<Uint8Array> {
    const { payload } = request;
    if (this.#closed) throw new WarderError('unavailable', 'the signer is closed');
    const { order, coordinate } = ALGORITHMS[this.key.alg];
    const raw = await this.#backEnd.sign(payload, request);
    if (raw.length !== 2 * coordinate) throw untrue(this.key);
    const signature = order === null ? Uint8Array.from(raw) : lowS(raw, order);
    if (!(await this.#holds(payload, signature))) throw untrue(this.key);
    return signature;
  }

  #holds(payload: Uint8Array, signature: Uint8Array): Promise<boolean> {
    const key = { key: this.#public, dsaEncoding: 'ieee-p1363' } as const;
    return verifyAside(ALGORITHMS[this.key.alg].hash, payload, key, signature);
  }
}

function keeps(admitter: Admitter): admitter is KeepingAdmitter {
  return 'kept' in admitter && 'keep' in admitter;
}

function untrue(key: PublicJwk): WarderError {
  return new WarderError(
    'unavailable',
    `the key \`${key.kid}\` gave a signature that does not verify`,
    {
      hint: 'the private key is not the one of this public key, or the device is broken',
      data: { signer: 'misconfigured' },
    },
  );
}
