// Whether a TPM's statements hold together: EK certificate, AK, certified key, quote. What needs the machine's
// answer, that EK and AK are in one TPM, is `challenge.ts`.

import { createHash, type KeyObject, verify } from 'node:crypto';
import { encodeBase64url } from '../../base/encoding/base64url.ts';
import { encodeHex } from '../../base/encoding/hex.ts';
import { sameBytes } from '../../base/encoding/sha256.ts';
import { WarderError } from '../../base/errors/errors.ts';
import { makePublicJwk } from '../signer/jwk.ts';
import type { PublicJwk } from '../signer/signer.ts';
import {
  type CertifyStatement,
  parseAttest,
  parseTpmSignature,
  type QuoteStatement,
  rawSignature,
} from '../tpm/attest-structures.ts';
import type { SignedStatement, TpmEvidence } from '../tpm/attestor.ts';
import { DIGEST_SIZE } from '../tpm/key-derivation.ts';
import { keyObject } from '../tpm/make-credential.ts';
import { pcrPolicyDigest } from '../tpm/pcr-policy.ts';
import {
  ATTRIBUTE,
  type AttributeName,
  type EccPoint,
  hasAll,
  nameOf,
  parseSizedPublic,
  type PublicArea,
  qualifiedName,
  type TpmHash,
} from '../tpm/public-area.ts';
import { u32 } from '../tpm/tpm-writer.ts';
import { isEkTemplate } from '../tpm/ek-template.ts';
import { parseCertificate, type Certificate } from './certificate.ts';
import { findPath, nameOf as subjectOf } from './certificate-path.ts';
import { readEkCertificate, type TpmDescription } from './ek-certificate.ts';

/** What the verifier of a TPM's statements brings along. */
export interface TpmExpectation {
  readonly anchors: readonly Certificate[];
  /** Certificates between that the evidence may lack. */
  readonly intermediates: readonly Certificate[];
  /** Wall milliseconds: when certificates have to be valid. */
  readonly now: number;
  /** What both statements have to be bound to. */
  readonly nonce: Uint8Array;
  /** Values that registers must have, by number. */
  readonly pcrs: ReadonlyMap<number, Uint8Array>;
}

/** What a TPM's statements come to. */
export interface VerifiedTpm {
  readonly ek: PublicArea;
  readonly ak: PublicArea;
  readonly description: TpmDescription;
  /** Subjects from the issuer of the EK certificate up. */
  readonly issuers: readonly string[];
  readonly bank: TpmHash;
  readonly pcrs: ReadonlyMap<number, Uint8Array>;
  /** Registers that have to be as they are for the key to sign; empty without such a policy. */
  readonly policyPcrs: readonly number[];
  /** Whether whoever asks the TPM to sign has to know the key's auth value. */
  readonly needsAuth: boolean;
}

/** TPM_RH_ENDORSEMENT: what an AK is right below. */
const ENDORSEMENT = u32(0x4000_000b);

const AK_ATTRIBUTES: Attributes = {
  set: ['fixedTPM', 'fixedParent', 'sensitiveDataOrigin', 'restricted', 'sign'],
  clear: ['decrypt'],
};
const KEY_ATTRIBUTES: Attributes = {
  set: ['fixedTPM', 'fixedParent', 'sensitiveDataOrigin', 'sign'],
  clear: ['restricted', 'decrypt'],
};

interface Attributes {
  readonly set: readonly AttributeName[];
  readonly clear: readonly AttributeName[];
}

/**
 * Verifies everything that can be verified without asking the machine.
 *
 * @param key the key that the evidence has to be about.
 * @throws WarderError `malformed`; `verification-failed` when a statement does not hold; `not-trusted` when
 *   it may, but no given CA vouches for the EK, an attribute is missing or a register is another.
 */
export function verifyTpm(
  evidence: TpmEvidence,
  key: PublicJwk,
  { anchors, intermediates, now, nonce, pcrs }: TpmExpectation,
): VerifiedTpm {
  const certificate = parseCertificate(evidence.ek.certificate, 'the EK certificate');
  const path = findPath(certificate, {
    anchors,
    intermediates: [
      ...intermediates,
      ...evidence.ek.intermediates.map((each) => parseCertificate(each, 'an intermediate')),
    ],
    now,
  });
  const description = readEkCertificate(certificate);

  const ek = parseSizedPublic(evidence.ek.public, 'the EK');
  checkEkTemplate(ek);
  if (!certificate.x509.publicKey.equals(importKey(ek, 'EK'))) {
    fail('the EK certificate is of another key than the EK');
  }

  const ak = parseSizedPublic(evidence.ak, 'the AK');
  checkAttributes(ak, 'AK', AK_ATTRIBUTES);
  const akKey = importKey(ak, 'AK');

  const certify = statementOf(evidence.certify, 'the certification', ak, akKey, nonce);
  if (certify.type !== 'certify') fail('the certification is a quote');
  const area = parseSizedPublic(evidence.key, 'the key');
  checkKey(area, key, certify);

  const quote = statementOf(evidence.quote, 'the quote', ak, akKey, nonce);
  if (quote.type !== 'quote') fail('the quote is a certification');
  checkQuote(quote, evidence.quote.pcrs, ak);
  for (const [pcr, value] of pcrs) {
    const quoted = evidence.quote.pcrs.get(pcr);
    if (quoted === undefined || !sameBytes(quoted, value)) {
      distrust(
        quoted === undefined
          ? `register ${pcr} was not quoted`
          : `register ${pcr} holds ${encodeHex(quoted)}`,
        'the machine did not start what you expect',
      );
    }
  }
  return {
    ek,
    ak,
    description,
    issuers: path.map(subjectOf),
    bank: quote.selection.bank,
    pcrs: evidence.quote.pcrs,
    ...policyOf(area, evidence, quote.selection.bank),
  };
}

/** The public key of an area, which must be one. */
function importKey({ key }: PublicArea, what: string): KeyObject {
  try {
    return keyObject(key);
  } catch (cause) {
    throw new WarderError('malformed', `the ${what} is no key`, { cause });
  }
}

/** Nobody signs the public area of an EK: all of it but the key itself has to be as TCG writes it. */
function checkEkTemplate(ek: PublicArea): void {
  if (isEkTemplate(ek)) return;
  distrust(
    'the EK is not made as TCG EK Credential Profile templates are',
    'one made otherwise could be no storage key, or not stay in its TPM',
  );
}

function checkAttributes(area: PublicArea, what: string, { set, clear }: Attributes): void {
  const missing = set.find((name) => !hasAll(area, [name]));
  if (missing !== undefined) {
    distrust(`the ${what} does not have the attribute \`${missing}\``, ATTRIBUTE_HINT);
  }
  const wrong = clear.find((name) => (area.attributes & ATTRIBUTE[name]) !== 0);
  if (wrong !== undefined) {
    distrust(`the ${what} has the attribute \`${wrong}\``, ATTRIBUTE_HINT);
  }
}

const ATTRIBUTE_HINT = 'such a key could be used otherwise, or leave its TPM';

/** Reads a statement and verifies that this AK made it, for this verifier. */
function statementOf(
  { statement, signature }: SignedStatement,
  what: string,
  ak: PublicArea,
  akKey: KeyObject,
  nonce: Uint8Array,
): CertifyStatement | QuoteStatement {
  const { scheme, key } = ak;
  const read = parseTpmSignature(signature, `the signature of ${what}`);
  if (key.kind !== 'ecc' || scheme?.hash !== read.hash) {
    fail(`${what} is signed with another scheme than the AK has`);
  }
  const raw = rawSignature(read, coordinate(key));
  const options = { key: akKey, dsaEncoding: 'ieee-p1363' } as const;
  if (raw === undefined || !verify(read.hash, statement, options, raw)) {
    fail(`the AK did not sign ${what}`);
  }
  const said = parseAttest(statement, what);
  if (!sameBytes(said.extraData, nonce)) {
    fail(`${what} is bound to something else`, 'it was made for somebody else, or before');
  }
  // The AK is right below the endorsement seed: another place would be another AK.
  if (!sameBytes(said.qualifiedSigner, qualifiedName(ENDORSEMENT, ak))) {
    fail(`${what} names another signer than the AK`);
  }
  return said;
}

function checkKey(area: PublicArea, key: PublicJwk, certify: CertifyStatement): void {
  if (!sameBytes(certify.name, nameOf(area))) {
    fail('the AK certified another object than the key');
  }
  checkAttributes(area, 'key', KEY_ATTRIBUTES);
  if (jwkOf(area)?.kid !== key.kid)
    fail('the key in the TPM is another than the one this is about');
}

/** The key as warder names it; undefined for one it does not sign with. */
function jwkOf({ key }: PublicArea): PublicJwk | undefined {
  if (key.kind !== 'ecc') return undefined;
  const alg = key.curve === 'P-256' ? 'ES256' : 'ES384';
  return makePublicJwk(alg, encodeBase64url(key.x), encodeBase64url(key.y));
}

function checkQuote(
  { selection, pcrDigest }: QuoteStatement,
  values: TpmEvidence['quote']['pcrs'],
  { scheme }: PublicArea,
): void {
  const { bank, pcrs } = selection;
  if (pcrs.length === 0 || pcrs.join() !== [...values.keys()].join()) {
    fail('the quote is of other registers than those given');
  }
  const digest = createHash(scheme?.hash ?? 'sha256');
  for (const value of values.values()) {
    if (value.length !== DIGEST_SIZE[bank]) fail(`a register is no ${bank} digest`);
    digest.update(value);
  }
  if (!sameBytes(digest.digest(), pcrDigest)) fail('the registers are not those quoted');
}

/** What it takes to have the key sign; a policy nobody explains is refused. */
function policyOf(
  area: PublicArea,
  { policyPcrs, quote: { pcrs: values } }: TpmEvidence,
  bank: TpmHash,
): Pick<VerifiedTpm, 'policyPcrs' | 'needsAuth'> {
  const { authPolicy, nameAlg } = area;
  const byAuth = hasAll(area, ['userWithAuth']);
  if (policyPcrs === undefined) {
    if (byAuth) return { policyPcrs: [], needsAuth: true };
    return fail('the key signs by a policy that the evidence does not explain');
  }
  if (byAuth) fail('the key signs without its policy, too');
  const held = policyPcrs.flatMap((pcr) => values.get(pcr) ?? []);
  if (held.length !== policyPcrs.length) fail('the policy is about registers that were not quoted');
  const selection = { bank, pcrs: policyPcrs };
  const needsAuth = [true, false].find((withAuth) =>
    sameBytes(pcrPolicyDigest(nameAlg, selection, held, withAuth), authPolicy),
  );
  if (needsAuth === undefined) {
    fail(
      'the policy of the key is another than that of the registers quoted',
      'the evidence is forged, or registers have changed since the key was made: it cannot sign now',
    );
  }
  return { policyPcrs, needsAuth };
}

function coordinate({ curve }: EccPoint): number {
  return curve === 'P-256' ? 32 : 48;
}

function fail(why: string, hint = 'the evidence was changed, or is forged'): never {
  throw new WarderError('verification-failed', why, { hint });
}

function distrust(why: string, hint: string): never {
  throw new WarderError('not-trusted', why, { hint });
}
