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
  #log: OpenedSigner;
  #logHistory: readonly KeyRow[];
  #signing: OpenedSigner;
  #history: readonly KeyRow[];
  #trusted: TrustedKeys;
  /** The key before, for what was prepared for it. */
  #late: OpenedSigner | undefined;

  private constructor(
    origin: string,
    log: OpenedSigner,
    logHistory: readonly KeyRow[],
    signing: OpenedSigner,
    history: readonly KeyRow[],
    trusted: TrustedKeys,
  ) {
    this.origin = origin;
    this.#log = log;
    this.#logHistory = logHistory;
    this.#signing = signing;
    this.#history = history;
    this.#trusted = trusted;
  }

  /**
   * @param history ends with the key of `signing`.
   * @param logHistory ends with the key of `log`; empty when that is the first.
   * @throws WarderError `unavailable` when the history is not what was signed.
   */
  static async open(
    origin: string,
    log: OpenedSigner,
    signing: OpenedSigner,
    history: readonly KeyRow[],
    logHistory: readonly KeyRow[] = [],
  ): Promise<Keyring> {
    const logs: readonly KeyRow[] =
      logHistory.length > 0
        ? logHistory
        : [{ jwk: log.key, uri: '', since: 0, heads: { from: 0 } }];
    const trusted = await trustedKeys(history, logs, origin);
    await checkHistory(history, logs, origin, trusted);
    await checkHistory(logs, history, origin, trusted);
    return new Keyring(origin, log, logs, signing, history, trusted);
  }

  /** Ed25519, for the log alone. */
  get log(): OpenedSigner {
    return this.#log;
  }

  /** Keys of the log, the first key first, the current one last. */
  get logHistory(): readonly KeyRow[] {
    return this.#logHistory;
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
    const from = Math.max(
      this.#history.at(-1)?.heads.from ?? 0,
      this.#logHistory.at(-1)?.heads.from ?? 0,
    );
    if (size >= from) return [this.log, this.#signing];
    throw new WarderError('unavailable', `heads of ${size} leaves are signed by an earlier key`, {
      hint: 'leaves are missing: restore `state.db` from a backup that has them',
    });
  }

  /** The JWKS of today. */
  document(now: number): KeyDocument {
    return keyDocument(this.#history, this.log.key, this.origin, now, this.#logHistory);
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

  /** The same for a key of the log; the one before signs nothing any more. */
  adoptLog(log: OpenedSigner, logHistory: readonly KeyRow[], trusted: TrustedKeys): OpenedSigner {
    const before = this.#log;
    this.#log = log;
    this.#logHistory = logHistory;
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

  /** What {@link Keyring.trusted} is with other histories. */
  trustedAfter(
    history: readonly KeyRow[],
    logHistory: readonly KeyRow[] = this.#logHistory,
  ): Promise<TrustedKeys> {
    return trustedKeys(history, logHistory, this.origin);
  }
}

/**
 * Read back from what is published: the home believes what its verifiers do. Of heads under a key that was
 * compromised its signer's memory tells which it signed, where they ask a witness.
 */
function trustedKeys(
  history: readonly KeyRow[],
  logHistory: readonly KeyRow[],
  origin: string,
): Promise<TrustedKeys> {
  const logs = logHistory.map((row) => {
    const { cosignedBefore: _, ...heads } = row.heads;
    return { ...row, heads };
  });
  const { jwk } = logs.at(-1) as KeyRow;
  // Every grace counts here: when it ends, its times say so.
  return loadKeys([JSON.stringify(keyDocument(history, jwk, origin, 0, logs))]);
}
