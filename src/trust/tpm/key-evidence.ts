// Proofs of where a key is, as its TPM makes them: EK certificate, AK, TPM2_Certify of the key, quote; and opening
// what a verifier sent to that EK.

import { type KeyObject, X509Certificate } from 'node:crypto';
import { WarderError } from '../../base/errors/errors.ts';
import {
  activateCredential,
  certify,
  handlesInUse,
  nvRead,
  nvReadPublic,
  quote,
} from './attestation-commands.ts';
import type { TpmEvidence } from './attestor.ts';
import { HANDLE_RANGE, HIERARCHY, type TpmObject, tpmObject } from './entity.ts';
import { getRandom, pcrRead, policySecret } from './key-commands.ts';
import { type Credential, keyObject } from './make-credential.ts';
import { createPrimary, flushContext, readPublic } from './object-commands.ts';
import type { PublicArea, TpmHash } from './public-area.ts';
import { TPM_RC } from './response-code.ts';
import { EMPTY_AUTH, type TpmSession } from './session.ts';
import { startSession } from './start-session.ts';
import { akTemplate, ekTemplates } from './templates.ts';
import type { Tpm } from './tpm.ts';
import { refusedWith, TpmFailure } from './tpm-failure.ts';
import { joined, sized } from './tpm-writer.ts';

/** Registers that are quoted: what the firmware, the loader and its settings were. */
const QUOTED: readonly number[] = [0, 1, 2, 3, 4, 5, 6, 7];
/** Where makers keep the certificates between (TCG EK Credential Profile, section 2.2.1.5.2). */
const CHAIN = { from: 0x01c0_0100, to: 0x01c0_01ff };
/** Persistent handles for EKs (TCG Registry of Reserved TPM 2.0 Handles). */
const EK_HANDLES = { from: 0x8101_0000, to: 0x8101_00ff };
const HASH: TpmHash = 'sha256';

/** A key that is loaded, and how its ADMIN role is proven. */
export interface LoadedKey {
  readonly object: TpmObject;
  /** An HMAC session; the object has the auth value. */
  readonly session: TpmSession;
  /** Registers its policy wants unchanged. */
  readonly policyPcrs: readonly number[];
}

/**
 * Makes the TPM's half of the evidence. Needs two more objects loaded than there are.
 *
 * @param nonce what both statements are bound to.
 * @throws TpmFailure; WarderError `unavailable` where there is no EK certificate.
 */
export async function collectEvidence(
  tpm: Tpm,
  { object, session, policyPcrs }: LoadedKey,
  nonce: Uint8Array,
): Promise<TpmEvidence> {
  const found = await findCertificate(tpm);
  const ek = await withEk(tpm, found, (loaded) => Promise.resolve(loaded.area));
  const intermediates = await readChain(tpm);
  return withAk(tpm, async (ak) => {
    const signer = { object: ak, session: EMPTY_AUTH } as const;
    const certification = await certify(tpm, { object, session }, signer, HASH, nonce);
    const pcrs = ascending([...QUOTED, ...policyPcrs]);
    const selection = { bank: HASH, pcrs } as const;
    const values = await pcrRead(tpm, selection);
    const quoted = await quote(tpm, signer, HASH, selection, nonce);
    return {
      ek: { certificate: found.certificate, intermediates, public: sized(ek.bytes) },
      ak: sized(ak.area.bytes),
      key: sized(object.area.bytes),
      ...(policyPcrs.length === 0 ? {} : { policyPcrs: ascending(policyPcrs) }),
      certify: certification,
      quote: { ...quoted, pcrs: values },
    };
  });
}

/**
 * Opens a credential with EK and AK of this TPM. Needs two objects and a session.
 *
 * @throws TpmFailure, `refused` with `integrity` when it was made for another EK or AK.
 */
export async function openCredential(tpm: Tpm, credential: Credential): Promise<Uint8Array> {
  try {
    return await openWithEk(tpm, credential);
  } catch (cause) {
    if (!refusedWith(cause, TPM_RC.failure)) throw cause;
    // Some say that of themselves where only the RSA ciphertext is another's. In earnest nothing works any more.
    await getRandom(tpm, 1);
    const { message } = cause;
    throw new TpmFailure('refused', message, { code: TPM_RC.integrity, cause });
  }
}

async function openWithEk(tpm: Tpm, credential: Credential): Promise<Uint8Array> {
  const found = await findCertificate(tpm);
  return withAk(tpm, (ak) =>
    withEk(tpm, found, async (ek) => {
      const policy = await startSession(tpm, 'policy');
      try {
        await policySecret(tpm, policy, HIERARCHY.endorsement, EMPTY_AUTH);
        return await activateCredential(
          tpm,
          { object: ak, session: EMPTY_AUTH },
          { object: ek, session: policy },
          credential,
        );
      } finally {
        await flushIfThere(tpm, policy);
      }
    }),
  );
}

interface FoundCertificate {
  readonly template: Uint8Array;
  readonly certificate: Uint8Array;
}

/** The certificate of the ECC EK, else of the RSA one. */
async function findCertificate(tpm: Tpm): Promise<FoundCertificate> {
  const indices = await handlesInUse(tpm, HANDLE_RANGE.nv);
  for (const { certificate, template } of [ekTemplates.ecc, ekTemplates.rsa]) {
    if (!indices.includes(certificate)) continue;
    const bytes = await readIndex(tpm, certificate);
    const [first] = splitDer(bytes);
    if (first !== undefined) return { template, certificate: first };
  }
  throw new WarderError(
    'unavailable',
    'the TPM has no EK certificate at 0x01c0000a or 0x01c00002: nobody vouches for it',
    { hint: 'see docs/keys/attestation.md; `docker/swtpm/make-tpm.sh` gives a software TPM one' },
  );
}

async function readChain(tpm: Tpm): Promise<readonly Uint8Array[]> {
  const indices = await handlesInUse(tpm, CHAIN.from);
  const parts: Uint8Array[] = [];
  for (const index of indices.filter((each) => each >= CHAIN.from && each <= CHAIN.to)) {
    parts.push(await readIndex(tpm, index));
  }
  return splitDer(joined(...parts));
}

async function readIndex(tpm: Tpm, handle: number): Promise<Uint8Array> {
  return nvRead(tpm, await nvReadPublic(tpm, handle), HIERARCHY.owner);
}

/** DER values one after the other; an index may be larger than what is in it. */
function splitDer(bytes: Uint8Array): readonly Uint8Array[] {
  const values: Uint8Array[] = [];
  for (let at = 0; bytes[at] === 0x30 && bytes[at + 1] === 0x82;) {
    const length = 4 + (bytes[at + 2] ?? 0) * 256 + (bytes[at + 3] ?? 0);
    if (at + length > bytes.length) break;
    values.push(bytes.slice(at, at + length));
    at += length;
  }
  return values;
}

/** The EK of the certificate: one that is persistent already, else made anew, which takes an RSA key its time. */
async function withEk<T>(
  tpm: Tpm,
  { template, certificate }: FoundCertificate,
  use: (ek: TpmObject) => Promise<T>,
): Promise<T> {
  const wanted = certified(certificate);
  for (const handle of await handlesInUse(tpm, EK_HANDLES.from)) {
    if (handle > EK_HANDLES.to) break;
    const area = await readableArea(tpm, handle);
    if (area !== undefined && keyObject(area.key).equals(wanted)) {
      return use(tpmObject(handle, area));
    }
  }
  const ek = await createPrimary(tpm, HIERARCHY.endorsement, EMPTY_AUTH, { template });
  try {
    if (!keyObject(ek.area.key).equals(wanted)) {
      throw new TpmFailure('refused', 'the EK certificate is not of the EK this TPM makes');
    }
    return await use(ek);
  } finally {
    await flushIfThere(tpm, ek);
  }
}

async function withAk<T>(tpm: Tpm, use: (ak: TpmObject) => Promise<T>): Promise<T> {
  const template = akTemplate;
  const ak = await createPrimary(tpm, HIERARCHY.endorsement, EMPTY_AUTH, { template });
  try {
    return await use(ak);
  } finally {
    await flushIfThere(tpm, ak);
  }
}

function certified(certificate: Uint8Array): KeyObject {
  try {
    return new X509Certificate(certificate).publicKey;
  } catch (cause) {
    throw new TpmFailure('refused', 'what the TPM has as its EK certificate is none', { cause });
  }
}

/** Undefined for an object of a kind that is of no use here. */
async function readableArea(tpm: Tpm, handle: number): Promise<PublicArea | undefined> {
  try {
    return (await readPublic(tpm, handle)).area;
  } catch (error) {
    if (error instanceof TpmFailure && error.kind !== 'untrue') throw error;
    return undefined;
  }
}

/** Each register once. */
function ascending(pcrs: readonly number[]): readonly number[] {
  return [...new Set(pcrs)].sort((left, right) => left - right);
}

/** The slot is gone together with a TPM that is; what went wrong before is worth more. */
async function flushIfThere(tpm: Tpm, slot: { readonly handle: number }): Promise<void> {
  await flushContext(tpm, slot).catch(() => undefined);
}
