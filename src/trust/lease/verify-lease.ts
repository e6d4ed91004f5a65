// Verifies a lease and its chain: form, keys, signatures, narrowing, times, audience. Pure: nothing about its state is asked.

import { encodeUtf8 } from '../../base/encoding/utf8.ts';
import { sha256Text } from '../../base/encoding/sha256.ts';
import { WarderError } from '../../base/errors/errors.ts';
import type { TrustedKey, TrustedKeys } from '../verify/keys.ts';
import { holds, type VerifyKey } from '../verify/signature.ts';
import { parseChain } from './chain.ts';
import { knownHolder } from './holder-keys.ts';
import { widening } from './lease-within.ts';
import type { ChainLink, Confirmation, LeaseClaims } from './lease.ts';
import { stateKey } from './state-key.ts';
import { leaseDigest, type ParsedLease } from './token.ts';

/** How far ahead of us an issuer's clock may be, milliseconds. */
const CLOCK_SKEW_MS = 60_000;

/** Where and when a lease is to hold. */
export interface LeaseExpectations {
  /** Wall milliseconds. */
  readonly now: number;
  /** The daemon asked: its log origin. */
  readonly audience: string;
}

/** A lease whose chain, times and audience hold. Revocation, uses and its holder are others' to say. */
export interface VerifiedLease {
  /** As it was given: what a proof of possession is over. */
  readonly text: string;
  readonly claims: LeaseClaims;
  /** Thumbprint of the key the root is signed with. */
  readonly kid: string;
  /** SHA-256 of the signing input, hex. */
  readonly digest: string;
  readonly stateKey: string;
  /** From the root to this one; a root is alone. */
  readonly chain: readonly [ChainLink, ...ChainLink[]];
  /** Claims of the chain that only the daemon, which counts, can honour; none: it may be used offline. */
  readonly needsOnline: readonly string[];
}

/**
 * Verifies a lease with all those it was made from, by the issuer's public keys alone: each is signed by
 * the key its parent is bound to, or by the issuer, and narrows its parent.
 *
 * @param text one token, or several from the root on with `~` between.
 * @throws WarderError `malformed` (the text), `not-trusted` (unknown key, key without the role, other
 *   algorithm than the key's), `verification-failed` (a signature, or a child of another parent),
 *   `lease-refused` (times, audience, a child that is wider than its parent).
 */
export async function verifyLease(
  text: string,
  keys: TrustedKeys,
  expected: LeaseExpectations,
): Promise<VerifiedLease> {
  const [root, ...children] = parseChain(text);
  const { audience, now } = expected;
  const key =
    issuerKey(keys, root, now) ?? distrust('is signed with a key that is not trusted here');
  await checkSignature(key, root);
  if (root.claims.aud !== audience || root.claims.iss !== audience) {
    refuse('is for another daemon', 'ask the daemon you call for a lease');
  }
  if (root.claims.del_depth > 0) {
    refuse('is a delegated one without its parents', 'give the whole chain, from the root on');
  }
  const chain: [ChainLink, ...ChainLink[]] = [linkOf(root)];
  let parent = root;
  for (const child of children) {
    await checkSignature(await signerOf(child, parent, keys, expected), child);
    if (child.claims.par_hash !== parentHash(parent.signingInput)) {
      throw new WarderError('verification-failed', 'the lease was made from another parent', {
        hint: 'give the chain it was made with',
      });
    }
    const wider = widening(child.claims, parent.claims);
    if (wider !== undefined) refuse(`is wider than its parent: ${wider}`, 'make a narrower one');
    chain.push(linkOf(child, chain.at(-1)?.stateKey));
    parent = child;
  }
  checkTimes(parent.claims, expected.now);
  const { claims, digest, stateKey } = chain.at(-1) ?? chain[0];
  const needsOnline = [...new Set(chain.flatMap((link) => countedClaims(link.claims)))];
  return Object.freeze({
    text,
    claims,
    kid: root.header.kid,
    digest,
    stateKey,
    chain,
    needsOnline,
  });
}

/** Issuer of a lease that a holder signed: the thumbprint URI (RFC 9278) of its key. */
export function holderIssuer(kid: string): string {
  return `urn:ietf:params:oauth:jwk-thumbprint:sha-256:${kid}`;
}

/** The key a child has to be signed with: that its parent is bound to, or one of the issuer. */
async function signerOf(
  child: ParsedLease,
  parent: ParsedLease,
  keys: TrustedKeys,
  { audience, now }: LeaseExpectations,
): Promise<VerifyKey> {
  const { header, claims } = child;
  const { cnf } = parent.claims;
  const holder = cnf !== undefined && 'jwk' in cnf ? knownHolder(cnf.jwk) : undefined;
  if (holder?.jkt === header.kid) {
    if (claims.iss !== holderIssuer(header.kid)) refuse('names another issuer', 'make it anew');
    const key = await holder.key();
    if (key.alg !== header.alg) distrust('names another algorithm than that of its key');
    return key;
  }
  const key = issuerKey(keys, child, now);
  if (key === undefined)
    distrust('is signed neither by the holder of its parent nor by the issuer');
  if (claims.iss !== audience) refuse('names another issuer', 'make it anew');
  return key;
}

/**
 * The trusted key that a token names, if there is one; it must be for leases and agree on the algorithm.
 * Under one that was rotated only what was dated before counts, and that only to the end of its grace.
 */
function issuerKey(
  keys: TrustedKeys,
  { header, claims }: ParsedLease,
  now: number,
): TrustedKey | undefined {
  const key = keys.find(({ kid }) => kid === header.kid);
  if (key === undefined) return undefined;
  if (!key.roles.includes('lease')) distrust('is signed with a key that does not sign leases');
  // The key says which algorithm; the header may only agree.
  if (key.alg !== header.alg) distrust('names another algorithm than that of its key');
  if (key.retired !== undefined) {
    if (!(claims.iat <= key.retired.at)) distrust('is dated after its key was rotated');
    if (!(now < key.retired.until * 1000)) distrust('is signed with a key whose grace has ended');
  }
  return key;
}

async function checkSignature(key: VerifyKey, lease: ParsedLease): Promise<void> {
  if (await holds(key, encodeUtf8(lease.signingInput), lease.signature)) return;
  throw new WarderError('verification-failed', 'the signature of the lease does not hold', {
    hint: 'the token was changed: ask for a new lease',
  });
}

function linkOf({ header, claims, signingInput }: ParsedLease, parent?: string): ChainLink {
  const { cnf, jti, iss, aud } = claims;
  const jkt = cnf === undefined || 'conn' in cnf ? undefined : holderKeyId(cnf);
  const digest = leaseDigest(signingInput);
  return Object.freeze({
    stateKey: stateKey(jti, parent),
    digest,
    claims,
    ...(jkt === undefined ? {} : { jkt }),
    // One that a holder signed names that holder as its issuer.
    ...(iss === aud ? { kid: header.kid } : {}),
  });
}

function holderKeyId(cnf: Exclude<Confirmation, { readonly conn: string }>): string {
  return 'jkt' in cnf ? cnf.jkt : knownHolder(cnf.jwk).jkt;
}

function countedClaims(claims: LeaseClaims): readonly string[] {
  const counted = (['max_uses', 'max_bytes', 'rate'] as const).filter(
    (name) => claims[name] !== undefined,
  );
  const spends = claims.authorization_details.some(({ type }) => type === 'spend');
  return spends ? [...counted, 'spend'] : counted;
}

/** @throws WarderError `lease-refused` unless `nbf <= now < exp` and `iat` is not in the future. */
export function checkTimes(claims: LeaseClaims, now: number): void {
  if (!Number.isFinite(now)) throw new WarderError('internal', 'the time handed in is no number');
  if (now >= claims.exp * 1000) refuse('has expired', 'ask for a new lease');
  if (now < claims.nbf * 1000 || now < claims.iat * 1000 - CLOCK_SKEW_MS) {
    refuse('is not valid yet', 'wait, or check the clocks of both machines');
  }
}

function refuse(why: string, hint: string): never {
  throw new WarderError('lease-refused', `the lease ${why}`, { hint });
}

function distrust(why: string): never {
  throw new WarderError('not-trusted', `the lease ${why}`, {
    hint: 'give the verifier the keys of the daemon that issued it',
  });
}

/** What a child names its parent by: SHA-256 of the signing input, base64url. */
export function parentHash(signingInput: string): string {
  return sha256Text(signingInput, 'base64url');
}
