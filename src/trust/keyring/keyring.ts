// The keys of a running home: which one signs what now, and what verifiers of today are given.

import { decodeBase64url } from '../../base/encoding/base64url.ts';
import { isJsonObject } from '../../base/encoding/json.ts';
import { parseJson } from '../../base/encoding/parse-json.ts';
import { decodeUtf8 } from '../../base/encoding/utf8.ts';
import { WarderError } from '../../base/errors/errors.ts';
import type { OpenedSigner } from '../signer/checked-signer.ts';
import type { Signer, SignRequest } from '../signer/signer.ts';
import { loadKeys, type TrustedKeys } from '../verify/keys.ts';
import { checkHistory } from './check-history.ts';
import { type KeyDocument, keyDocument } from './key-document.ts';
import type { KeyRow } from './key-history.ts';

/** The keys in use. */
export class Keyring {
  readonly origin: string;
  /** Ed25519, for the log alone. */
  readonly log: OpenedSigner;
  #signing: OpenedSigner;
  #history: readonly KeyRow[];
  #trusted: TrustedKeys;
  /** The key before, for what was prepared for it. */
  #late: OpenedSigner | undefined;

  private constructor(
    origin: string,
    log: OpenedSigner,
    signing: OpenedSigner,
    history: readonly KeyRow[],
    trusted: TrustedKeys,
  ) {
    this.origin = origin;
    this.log = log;
    this.#signing = signing;
    this.#history = history;
    this.#trusted = trusted;
  }

  /**
   * @param history ends with the key of `signing`.
   * @throws WarderError `unavailable` when the history is not what was signed.
   */
  static async open(
    origin: string,
    log: OpenedSigner,
    signing: OpenedSigner,
    history: readonly KeyRow[],
  ): Promise<Keyring> {
    const trusted = await trustedKeys(history, log, origin);
    await checkHistory(history, log.key.kid, origin, trusted);
    return new Keyring(origin, log, signing, history, trusted);
  }

  /** The key that signs leases, lists and checkpoints now. */
  get signing(): OpenedSigner {
    return this.#signing;
  }

  /** The same for leases: one that was prepared for the key before is signed by that. */
  get leases(): Signer {
    const current = this.#signing;
    return {
      key: current.key,
      custody: current.custody,
      roles: current.roles,
      sign: (request) => this.#signerOf(request).sign(request),
      close: () => current.close(),
    };
  }

  /** The first key first, the current one last. */
  get history(): readonly KeyRow[] {
    return this.#history;
  }

  /** Every key there was, each for what it counts for. */
  get trusted(): TrustedKeys {
    return this.#trusted;
  }

  /**
   * The keys whose lines a head of this size has.
   *
   * @throws WarderError `unavailable` for a head that another key would have had to sign.
   */
  signersAt(size: number): readonly Signer[] {
    const from = this.#history.at(-1)?.heads.from ?? 0;
    if (size >= from) return [this.log, this.#signing];
    throw new WarderError('unavailable', `heads of ${size} leaves are signed by an earlier key`, {
      hint: 'leaves are missing: restore `state.db` from a backup that has them',
    });
  }

  /** The JWKS of today. */
  document(now: number): KeyDocument {
    return keyDocument(this.#history, this.log.key, this.origin, now);
  }

  /**
   * Takes a durable rotation over: from here on the new key signs.
   *
   * @param trusted from {@link trustedAfter}: nothing in here may fail.
   * @returns the key before, still open: what was prepared for it is yet to be signed.
   */
  adopt(signing: OpenedSigner, history: readonly KeyRow[], trusted: TrustedKeys): OpenedSigner {
    const before = this.#signing;
    this.#signing = signing;
    this.#late = before;
    this.#history = history;
    this.#trusted = trusted;
    return before;
  }

  /** The key a payload names in its header. Whether it signs, it says itself. */
  #signerOf({ payload }: SignRequest): Signer {
    const [header = ''] = decodeUtf8(payload).split('.', 1);
    const json = parseJson(decodeBase64url(header), { maxBytes: 1024, maxDepth: 2 });
    const late = this.#late;
    const named = isJsonObject(json) ? json['kid'] : undefined;
    return late !== undefined && named === late.key.kid ? late : this.#signing;
  }

  /** What {@link Keyring.trusted} is with another history. */
  trustedAfter(history: readonly KeyRow[]): Promise<TrustedKeys> {
    return trustedKeys(history, this.log, this.origin);
  }
}

/** Read back from what is published: the home believes what its verifiers do. */
function trustedKeys(
  history: readonly KeyRow[],
  log: OpenedSigner,
  origin: string,
): Promise<TrustedKeys> {
  // Every grace counts here: when it ends, its times say so.
  return loadKeys([JSON.stringify(keyDocument(history, log.key, origin, 0))]);
}
