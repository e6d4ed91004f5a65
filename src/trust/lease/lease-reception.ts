// A lease that somebody brings along: its text verified first, its holder when a call is made under it.

import { WarderError } from '../../base/errors/errors.ts';
import type { TrustedKeys } from '../verify/keys.ts';
import { BEARER_TTL_MAX } from './issue-lease.ts';
import type { LeaseBook } from './lease-book.ts';
import type { CheckedLease } from './lease.ts';
import type { ProofNonces } from './proof-nonces.ts';
import { type ProvenCall, verifyProof } from './proof.ts';
import { type VerifiedLease, verifyLease } from './verify-lease.ts';

/** Method of a proof for a call over a local socket. */
const PROOF_METHOD = 'POST';

/** Address of a proof for a call over the socket of an agent. */
export function proofAddress(agent: string): string {
  return `warder://agent/${agent}`;
}

/** What a lease came with. */
export interface Brought {
  readonly lease: VerifiedLease;
  readonly proof?: string;
  /** Name of the agent whose socket it came over. */
  readonly agent: string;
  /** Whether leases that anybody may use are taken there. */
  readonly bearer: boolean;
}

/** What a proof has to say besides what its maker knows; names are those of its claims. */
export interface ProofChallenge {
  readonly nonce: string;
  readonly aud: string;
  readonly htm: string;
  readonly htu: string;
  /** Digest of the package that is to run; absent when no tool was named. */
  readonly tool_digest?: string;
}

export interface ReceptionParts {
  readonly book: LeaseBook;
  /** The keys leases of this daemon verify under, now. */
  keys(): TrustedKeys;
  /** The daemon's log origin. */
  readonly origin: string;
  readonly nonces: ProofNonces;
  /** Monotonic milliseconds, for nonces. */
  monotonic(): number;
}

/** Takes in leases and proofs that come from outside. */
export class LeaseReception {
  readonly #parts: ReceptionParts;

  constructor(parts: ReceptionParts) {
    this.#parts = parts;
  }

  /**
   * Verifies the text, and that it is known here and has not ended. Who holds it {@link take} says.
   *
   * @param now wall milliseconds.
   * @throws WarderError as {@link verifyLease}; `lease-refused`.
   */
  async read(text: string, now: number): Promise<VerifiedLease> {
    const { book, origin, keys } = this.#parts;
    const verified = await verifyLease(text, keys(), { now, audience: origin });
    book.checkStanding(verified, now);
    return verified;
  }

  /**
   * The lease, checked for one call, or for being signed anew when there is none: known here, not ended,
   * brought by its holder. Spends nothing; the proof is used up with the first use of what is returned.
   *
   * @throws WarderError `lease-refused`; `data` is a {@link ProofChallenge} when a proof was missing or not
   *   fit. `malformed`, `verification-failed` for a proof that is none.
   */
  async take(brought: Brought, call: ProvenCall | undefined, now: number): Promise<CheckedLease> {
    const { lease, proof, agent } = brought;
    const { cnf } = lease.claims;
    if (cnf !== undefined && !('conn' in cnf)) {
      const verified = await this.#possession(lease, proof, agent, call, now);
      return this.#parts.book.check(lease, { proof: verified }, now);
    }
    if (proof !== undefined) {
      refuse('is bound to no key: the proof proves nothing', 'leave the proof out');
    }
    if (cnf === undefined) checkBearer(lease, brought.bearer);
    return this.#parts.book.check(lease, { bearer: true }, now);
  }

  /** What a new proof has to say. */
  challenge(agent: string, tool?: string): ProofChallenge {
    const { nonces, origin, monotonic } = this.#parts;
    return {
      nonce: nonces.current(monotonic()),
      aud: origin,
      htm: PROOF_METHOD,
      htu: proofAddress(agent),
      ...(tool === undefined ? {} : { tool_digest: tool }),
    };
  }

  async #possession(
    lease: VerifiedLease,
    proof: string | undefined,
    agent: string,
    call: ProvenCall | undefined,
    now: number,
  ): ReturnType<typeof verifyProof> {
    const { nonces, origin, monotonic } = this.#parts;
    const data = { ...this.challenge(agent, call?.tool) };
    if (proof === undefined) {
      throw new WarderError('lease-refused', 'the lease is bound to a key: the proof is missing', {
        hint: 'sign a proof for this call that says what `data` does, and send it along',
        data,
      });
    }
    try {
      return await verifyProof(proof, {
        method: PROOF_METHOD,
        uri: proofAddress(agent),
        now,
        token: lease.text,
        audience: origin,
        nonce: (nonce) => nonces.accepts(nonce, monotonic()),
        ...(call === undefined ? {} : { call }),
      });
    } catch (error) {
      if (!(error instanceof WarderError) || error.code !== 'lease-refused') throw error;
      const { message, hint = 'sign a fresh proof' } = error;
      throw new WarderError('lease-refused', message, { hint, data, cause: error });
    }
  }
}

function checkBearer({ claims }: VerifiedLease, taken: boolean): void {
  if (!taken) {
    refuse(
      'is a bearer lease, which is not taken here',
      'bind it to a key, or set `holder` of this agent to `bearer` in config.json',
    );
  }
  // As it is issued; here again, since whoever reads it may use it.
  if (claims.exp - claims.iat > BEARER_TTL_MAX) {
    refuse(`is a bearer lease of more than ${BEARER_TTL_MAX} s`, 'ask for a shorter one');
  }
}

function refuse(why: string, hint: string): never {
  throw new WarderError('lease-refused', `the lease ${why}`, { hint });
}
