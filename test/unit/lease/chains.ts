// Holders with keys of their own, and chains they make, for tests.

import { randomBytes } from 'node:crypto';
import { encodeBase64url } from '../../../src/base/encoding/base64url.ts';
import { canonicalBytes } from '../../../src/base/encoding/jcs.ts';
import { generateHolderKey, type HolderKey } from '../../../src/trust/holder/holder-key.ts';
import { joinChain } from '../../../src/trust/lease/chain.ts';
import { type LeaseTerms, prepareLease, signLease } from '../../../src/trust/lease/issue-lease.ts';
import type { LeaseClaims } from '../../../src/trust/lease/lease.ts';
import {
  holderIssuer,
  parentHash,
  verifyLease,
  type VerifiedLease,
} from '../../../src/trust/lease/verify-lease.ts';
import { origin, type TestOffice } from './office.ts';

/** One second on: everything here happens then. */
export const now = 1_767_225_600_000;

export type TestHolder = HolderKey;
export const openHolder = (alg?: HolderKey['alg']): Promise<TestHolder> => generateHolderKey(alg);

export const rootTerms: LeaseTerms = {
  origin,
  principal: 'agent:default',
  tenant: 'default',
  capabilities: [
    { type: 'tool.call', tools: ['*'] },
    { type: 'fs.read', paths: ['/data/**'] },
    { type: 'spend', currency: 'EUR', amount: 1000 },
  ],
  ttlSeconds: 3600,
  delMax: 4,
};

/** Issues a root lease, its row kept; the text of the token. */
export async function issueRoot(
  office: TestOffice,
  more: Partial<LeaseTerms> = {},
): Promise<string> {
  const prepared = prepareLease({ ...rootTerms, ...more }, office.signer.key, now, randomBytes(16));
  await office.store.commit((tx) => office.book.record(tx, prepared, 'default'));
  return signLease(prepared, office.signer);
}

type Change = Partial<Record<keyof LeaseClaims, unknown>>;

/** The claims of the last token of a chain. */
export function claimsOf(text: string): LeaseClaims {
  const payload = (text.split('~').at(-1) ?? '').split('.')[1] ?? '';
  return JSON.parse(Buffer.from(payload, 'base64url').toString()) as LeaseClaims;
}

/** What a well-behaved holder would write for a child; `undefined` in `change` leaves a claim out. */
export function childClaims(
  parent: string,
  from: TestHolder,
  to: TestHolder,
  change: Change = {},
): Record<string, unknown> {
  const claims = claimsOf(parent);
  const input = (parent.split('~').at(-1) ?? '').split('.').slice(0, 2).join('.');
  return {
    ...claims,
    iss: holderIssuer(from.jkt),
    jti: encodeBase64url(randomBytes(16)),
    cnf: { jwk: to.jwk },
    par_hash: parentHash(input),
    del_depth: claims.del_depth + 1,
    ...change,
  };
}

/** A child signed by whoever, however it reads: what a hostile holder can do. */
export async function forge(
  parent: string,
  from: TestHolder,
  claims: object,
  header: object = {},
): Promise<string> {
  const head = { alg: from.alg, kid: from.jkt, typ: 'lease+jwt', ...header };
  const present = Object.fromEntries(
    Object.entries(claims).filter(([, value]) => value !== undefined),
  );
  const input = [head, present].map((part) => encodeBase64url(canonicalBytes(part))).join('.');
  const signature = await from.sign(input);
  return joinChain(parent, `${input}.${encodeBase64url(signature)}`);
}

/** A child as {@link childClaims} has it. */
export function delegate(
  parent: string,
  from: TestHolder,
  to: TestHolder,
  change: Change = {},
): Promise<string> {
  return forge(parent, from, childClaims(parent, from, to, change));
}

export function verifyIn(
  office: TestOffice,
  text: string,
  at: number = now,
): Promise<VerifiedLease> {
  return verifyLease(text, office.keys, { now: at, audience: origin });
}
