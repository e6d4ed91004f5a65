// The text of granted leases. It is signed once: what is in the store later is read, never signed again.

import type { Reader, Table, TenantId } from '../../base/store/store.ts';
import { WarderError } from '../../base/errors/errors.ts';
import type { LeaseOffice } from '../../trust/lease/connection-lease.ts';
import { type LeaseLeaf, type PreparedLease, signLease } from '../../trust/lease/issue-lease.ts';
import { type VerifiedLease, verifyLease } from '../../trust/lease/verify-lease.ts';
import type { GateParts } from '../parts.ts';

/** The text of a lease that is bound to a key, and worth nothing without it. */
const tokenTable: Table<{ readonly text: string }> = { name: 'meta', indexes: {} };
const tokenKey = (stateKey: string): string => `lease-token/${stateKey}`;

export class LeaseTokens {
  readonly #gate: Pick<GateParts, 'store' | 'now'>;
  readonly #office: LeaseOffice;
  /** Durable leases whose signature is still to come, by state key. */
  readonly #unsigned = new Map<
    string,
    { readonly prepared: PreparedLease; readonly receipt: LeaseLeaf }
  >();

  constructor(gate: Pick<GateParts, 'store' | 'now'>, office: LeaseOffice) {
    this.#gate = gate;
    this.#office = office;
  }

  /**
   * Signs what was just recorded. That of a lease bound to a key is kept for its holder; that of a
   * connection is in the hands of the caller alone.
   *
   * @param receipt the leaf that says so, durable.
   * @returns the lease as everybody would read it.
   * @throws whatever the signer throws; {@link read} tries again then.
   */
  async sign(prepared: PreparedLease, receipt: LeaseLeaf): Promise<VerifiedLease> {
    const { claims, stateKey } = prepared;
    this.#unsigned.set(stateKey, { prepared, receipt });
    const text = await signLease(prepared, this.#office.signer, receipt);
    // Back through the front door: what was just issued is believed no more than what is handed in.
    const verified = await this.#verify(text);
    const { tenant, cnf } = claims;
    if (cnf !== undefined && !('conn' in cnf)) {
      await this.#gate.store.commit((tx) =>
        tx.put(tokenTable, tenant, tokenKey(stateKey), { text }),
      );
    }
    this.#unsigned.delete(stateKey);
    return verified;
  }

  /**
   * Reads the lease that was signed.
   *
   * @throws WarderError `unavailable` when it cannot be signed now; `lease-refused` when it has ended, or
   *   was never signed because the daemon ended first.
   */
  async read(tenant: TenantId, stateKey: string): Promise<VerifiedLease> {
    const unsigned = this.#unsigned.get(stateKey);
    if (unsigned !== undefined) return this.sign(unsigned.prepared, unsigned.receipt);
    const row = this.#gate.store.read((reader: Reader) =>
      reader.get(tokenTable, tenant, tokenKey(stateKey)),
    );
    if (row === undefined) {
      throw new WarderError('lease-refused', 'the daemon ended before this lease was signed', {
        hint: 'ask for a new lease',
      });
    }
    const verified = await this.#verify(row.text);
    if (verified.stateKey === stateKey && verified.claims.tenant === tenant) return verified;
    throw new WarderError('verification-failed', 'the store has another lease in this place', {
      hint: 'find out who writes to the store',
    });
  }

  /** Takes a text that was signed anew in the place of the one before; in the transaction that says so. */
  #verify(text: string): Promise<VerifiedLease> {
    const { keys, origin } = this.#office;
    return verifyLease(text, keys, { now: this.#gate.now(), audience: origin });
  }
}
