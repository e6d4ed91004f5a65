// A log as whoever holds the daemon can make one: any leaves, in any order, and what a signer asks to see of them.

import { randomBytes } from 'node:crypto';
import { statePossession } from '../../src/trust/attest/possession.ts';
import { digestOfClaims, signRotation } from '../../src/trust/keyring/sign-rotation.ts';
import {
  type LeaseTerms,
  prepareLease,
  type PreparedLease,
} from '../../src/trust/lease/issue-lease.ts';
import { buildLeaf } from '../../src/trust/receipt/build-leaf.ts';
import { checkpointEvidence } from '../../src/trust/receipt/checkpoint-admitter.ts';
import { LogTree } from '../../src/trust/receipt/log-tree.ts';
import type { ReceiptFacts } from '../../src/trust/receipt/leaf.ts';
import type { ShownRotation } from '../../src/trust/receipt/rotation-leaf.ts';
import type { PublicJwk, Signer, SignKind } from '../../src/trust/signer/signer.ts';
import type { SignerChannel } from '../../src/trust/signer/remote/channel.ts';
import { readRemoteKeys } from '../../src/trust/signer/remote/remote-key.ts';
import { formatHead } from '../../src/trust/verify/checkpoint.ts';
import type { RotationClaims } from '../../src/trust/verify/rotation.ts';
import { callFacts } from '../unit/receipt/log-fixture.ts';

export class MadeLog {
  readonly leaves: Uint8Array[];

  constructor(leaves: readonly Uint8Array[] = []) {
    this.leaves = [...leaves];
  }

  get tree(): LogTree {
    const leaves = (from: number, count: number): Uint8Array[] =>
      this.leaves.slice(from, from + count);
    return new LogTree({ tile: () => undefined, leaves }, this.leaves.length);
  }

  append(facts: ReceiptFacts): { readonly index: number; readonly leaf: string } {
    const { bytes } = buildLeaf(facts, (length) => randomBytes(length));
    return { index: this.leaves.push(bytes) - 1, leaf: Buffer.from(bytes).toString() };
  }

  /** The receipt of a rotation, shown in the head of all leaves there are then. */
  rotation(claims: RotationClaims): () => ShownRotation {
    const subject = { name: 'rotation', sha256: digestOfClaims(claims) } as const;
    const { index, leaf } = this.append(callFacts({ type: 'key', outcome: 'changed', subject }));
    return () => {
      const { tree } = this;
      const proof = tree.inclusion(index, tree.size);
      return { index, leaf, proof: proof.map((hash) => Buffer.from(hash).toString('base64')) };
    };
  }

  /** Receipts of so many calls. */
  calls(count: number): this {
    for (let at = 0; at < count; at += 1) this.append(callFacts());
    return this;
  }
}

/** A daemon that was taken over: it says what it likes to the signer it can reach. */
export class HostileDaemon {
  readonly channel: SignerChannel;
  readonly origin: string;
  readonly signing: PublicJwk;
  readonly log: PublicJwk;
  readonly #now: () => number;

  private constructor(
    channel: SignerChannel,
    origin: string,
    [signing, log]: readonly [PublicJwk, PublicJwk],
    now: () => number,
  ) {
    this.channel = channel;
    this.origin = origin;
    this.signing = signing;
    this.log = log;
    this.#now = now;
  }

  /** @param now wall milliseconds. */
  static async at(channel: SignerChannel, now: () => number): Promise<HostileDaemon> {
    const { origin, keys } = await readRemoteKeys(channel);
    const [signing, log] = (['signing', 'log'] as const).map((use) => {
      const found = keys.find((key) => key.use === use);
      if (found === undefined) throw new Error(`no ${use} key`);
      return found.jwk;
    });
    return new HostileDaemon(channel, origin, [signing as PublicJwk, log as PublicJwk], now);
  }

  /** The signature, base64url. */
  async ask(
    kind: SignKind,
    payload: string,
    evidence?: unknown,
    kid: string = this.signing.kid,
  ): Promise<string> {
    const request = { ask: 'sign', kid, kind, payload } as const;
    const answer = await this.channel.ask(
      evidence === undefined ? request : { ...request, evidence },
    );
    return (answer as { readonly signature: string }).signature;
  }

  async last(): Promise<{ size: number; root: string; unproven: readonly number[] }> {
    return (await this.channel.ask({ ask: 'last' })) as never;
  }

  /** A head with the best evidence there is, from wherever the signer says it stands. */
  async head(log: MadeLog, kid?: string, changes: object = {}): Promise<string> {
    const { tree } = log;
    const { size, unproven } = await this.last();
    const from = Math.min(size, tree.size);
    const leases = unproven.filter((index) => index < tree.size);
    const evidence = checkpointEvidence(from, tree.consistency(from, tree.size), {
      leases,
      proof: tree.inclusionOf(leases, tree.size),
    });
    const text = formatHead({ origin: this.origin, size: tree.size, root: tree.root() });
    return this.ask('checkpoint', text, { ...evidence, ...changes }, kid);
  }

  prepare(terms: Partial<LeaseTerms> = {}, key: PublicJwk = this.signing): PreparedLease {
    return prepareLease(
      {
        origin: this.origin,
        principal: 'agent:default',
        tenant: 'default',
        capabilities: [{ type: 'fs.read', paths: ['/data/**'] }],
        ttlSeconds: 60,
        ...terms,
      },
      key,
      this.#now(),
      randomBytes(16),
    );
  }

  /** A lease with its receipt in the log. */
  lease(prepared: PreparedLease, log: MadeLog): Promise<string> {
    const subject = { name: 'lease', sha256: prepared.digest } as const;
    const shown = log.append(callFacts({ type: 'lease', outcome: 'issued', subject }));
    const evidence =
      prepared.parentText === undefined ? shown : { ...shown, parent: prepared.parentText };
    return this.ask('lease', prepared.signingInput, evidence, prepared.kid);
  }

  /** Asks each of the keys for its signature under a rotation. */
  rotation(claims: RotationClaims, keys: readonly PublicJwk[]): ReturnType<typeof signRotation> {
    return signRotation(
      claims,
      keys.map((key) => this.#signerOf(key)),
    );
  }

  /** Has a key state that it is there. */
  attest(key: PublicJwk): Promise<string> {
    const second = Math.floor(this.#now() / 1000);
    return statePossession(this.#signerOf(key), this.origin, { nonce: 'ab'.repeat(16) }, second);
  }

  #signerOf(key: PublicJwk): Signer {
    return {
      key,
      custody: { backend: 'remote', summary: '' },
      roles: ['rotation', 'attest'],
      sign: async ({ kind, payload }) =>
        Buffer.from(
          await this.ask(kind, Buffer.from(payload).toString(), undefined, key.kid),
          'base64url',
        ),
      close: () => Promise.resolve(),
    };
  }
}
