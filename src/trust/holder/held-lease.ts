// A lease in its holder's hands: what it lets one do, proofs for calls, narrower ones, a fresh one in time.

import { asWarderError, WarderError } from '../../base/errors/errors.ts';
import { encodeBase64url } from '../../base/encoding/base64url.ts';
import { type Action, covers } from '../lease/action.ts';
import { parseChain } from '../lease/chain.ts';
import type { LeaseClaims } from '../lease/lease.ts';
import { formatProof, type ProofTerms } from '../lease/proof.ts';
import { type OfflineExpectations, verifyOffline } from '../lease/verify-offline.ts';
import type { TrustedKeys } from '../verify/keys.ts';
import { type HolderKey } from './holder-key.ts';
import { type ChildTerms, narrowLease } from './narrow.ts';

/** Has a lease signed anew: the daemon, reached however the holder reaches it. */
export interface LeaseRefresher {
  /** @returns the new text, of the same lease. */
  refresh(lease: string): Promise<string>;
}

/** How a lease stands, as far as its holder can see. */
export interface HeldStatus {
  readonly state: 'not-yet' | 'active' | 'expired';
  /** Wall milliseconds. */
  readonly expiresAt: number;
  readonly refreshable: boolean;
  /** Why the last refresh failed, if it did. */
  readonly fault?: WarderError;
}

/** One call to prove possession for. */
export type ProvenRequest = Omit<ProofTerms, 'token' | 'now' | 'random'>;

/** Refreshed when a quarter of its life is left. */
const REFRESH_AT = 0.75;
/** Soonest next try after a failed one, milliseconds. */
const RETRY_MS = 5000;

/** Everything is asked of the text alone; whether it was revoked only the daemon knows. */
export class HeldLease {
  readonly #key: HolderKey | undefined;
  readonly #now: () => number;
  #text: string;
  #chain: readonly LeaseClaims[];
  #fault: WarderError | undefined;
  #timer: NodeJS.Timeout | undefined;
  #refreshing: Promise<void> | undefined;

  /**
   * @param key without it the lease can be checked, not proven or narrowed.
   * @param now wall milliseconds.
   * @throws WarderError `malformed`.
   */
  constructor(text: string, key: HolderKey | undefined, now: () => number) {
    this.#text = text;
    this.#chain = parseChain(text).map(({ claims }) => claims);
    this.#key = key;
    this.#now = now;
  }

  /** As it is to be sent. */
  get text(): string {
    return this.#text;
  }

  get claims(): LeaseClaims {
    const claims = this.#chain.at(-1);
    if (claims === undefined) throw new WarderError('internal', 'a chain without leases');
    return claims;
  }

  status(): HeldStatus {
    const { nbf, exp, max_exp: latest = exp } = this.claims;
    const now = this.#now();
    return {
      state: now < nbf * 1000 ? 'not-yet' : now < exp * 1000 ? 'active' : 'expired',
      expiresAt: exp * 1000,
      refreshable:
        this.#chain.length === 1 &&
        exp < latest &&
        covers(this.claims.authorization_details, { type: 'lease.refresh' }, now),
      ...(this.#fault === undefined ? {} : { fault: this.#fault }),
    };
  }

  /** Whether it, and each one it was made from, lets its holder do this now. Asks nobody, spends nothing. */
  check(action: Action): boolean {
    if (this.status().state !== 'active') return false;
    const now = this.#now();
    return this.#chain.every((claims) => covers(claims.authorization_details, action, now));
  }

  /**
   * Verifies it as somebody would to whom it is shown and who has no daemon: with the issuer's keys and its
   * revocation list.
   *
   * @throws WarderError as {@link verifyOffline} does.
   */
  async verify(keys: TrustedKeys, expected: Omit<OfflineExpectations, 'now'>): Promise<void> {
    await verifyOffline(this.#text, keys, { ...expected, now: this.#now() });
  }

  /**
   * Signs a proof of possession (RFC 9449) for one call.
   *
   * @throws WarderError `lease-refused` without a key.
   */
  async prove(request: ProvenRequest): Promise<string> {
    const key = this.#requireKey();
    const random = crypto.getRandomValues(new Uint8Array(16));
    const terms = { ...request, token: this.#text, now: this.#now(), random };
    const input = formatProof(terms, key.jwk);
    return `${input}.${encodeBase64url(await key.sign(input))}`;
  }

  /** A narrower lease for somebody else, e.g. a subprocess. Throws as {@link narrowLease}. */
  narrow(terms: ChildTerms): Promise<string> {
    return narrowLease(this.#text, this.#requireKey(), terms, this.#now());
  }

  /**
   * Has it signed anew, now. What comes back has to be the same lease with a later end.
   *
   * @throws whatever the refresher throws; WarderError `lease-refused` for another lease.
   */
  async refresh(refresher: LeaseRefresher): Promise<void> {
    this.#refreshing ??= this.#refresh(refresher).finally(() => {
      this.#refreshing = undefined;
    });
    await this.#refreshing;
  }

  /** Keeps it fresh in the background until {@link stop}; what goes wrong is in the status. */
  start(refresher: LeaseRefresher): void {
    this.stop();
    const { iat, exp } = this.claims;
    const due = (iat + (exp - iat) * REFRESH_AT) * 1000 - this.#now();
    this.#schedule(refresher, Math.max(0, due));
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #schedule(refresher: LeaseRefresher, delay: number): void {
    this.#timer = setTimeout(() => {
      void this.#keepFresh(refresher);
    }, delay);
    this.#timer.unref();
  }

  async #keepFresh(refresher: LeaseRefresher): Promise<void> {
    const mine = this.#timer;
    try {
      await this.refresh(refresher);
      if (this.#timer === mine) this.start(refresher);
    } catch (thrown) {
      this.#fault = asWarderError(thrown);
      // A no is a no; whatever else failed may work the next time.
      const refused = thrown instanceof WarderError && !thrown.retryable;
      const over = refused || this.status().state === 'expired';
      if (this.#timer === mine && !over) this.#schedule(refresher, RETRY_MS);
    }
  }

  async #refresh(refresher: LeaseRefresher): Promise<void> {
    const text = await refresher.refresh(this.#text);
    const chain = parseChain(text).map(({ claims }) => claims);
    const [before, after] = [this.claims, chain.at(-1)];
    if (
      after === undefined ||
      chain.length !== this.#chain.length ||
      after.jti !== before.jti ||
      after.sub !== before.sub ||
      after.exp < before.exp
    ) {
      throw new WarderError('lease-refused', 'the refresh answered with another lease', {
        hint: 'ask for a new lease',
      });
    }
    this.#text = text;
    this.#chain = chain;
    this.#fault = undefined;
  }

  #requireKey(): HolderKey {
    if (this.#key !== undefined) return this.#key;
    throw new WarderError('lease-refused', 'the key this lease is bound to is not here', {
      hint: 'give the private key together with the lease',
    });
  }
}
