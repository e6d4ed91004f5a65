// Commands by which a TPM speaks of what it holds, and what is read for it: EK certificates, capabilities.

import {
  ATTEST_MAX,
  formatSelection,
  parseAttest,
  parseTpmSignature,
  type PcrSelection,
} from './attest-structures.ts';
import type { SignedStatement } from './attestor.ts';
import { type TpmEntity, type TpmObject } from './entity.ts';
import type { Credential } from './make-credential.ts';
import type { Creation } from './object-commands.ts';
import { TPM_ALG, type TpmHash } from './public-area.ts';
import { EMPTY_AUTH } from './session.ts';
import type { Authorization, Tpm } from './tpm.ts';
import { TpmReader } from './tpm-reader.ts';
import { joined, sized, u16, u32 } from './tpm-writer.ts';

/** An object and the session that authorises its use. */
export interface Authorized {
  readonly object: TpmEntity;
  readonly session: Authorization;
}

const SECRET_MAX = 64;
const CREDENTIAL_MAX = 512;

/** TPM2_Certify. @param extraData what the statement is bound to, at most 64 bytes. */
export async function certify(
  tpm: Tpm,
  subject: Authorized,
  signer: Authorized,
  hash: TpmHash,
  extraData: Uint8Array,
): Promise<SignedStatement> {
  const { parameters } = await tpm.run({
    command: 'Certify',
    handles: [subject.object, signer.object],
    authorize: [subject.session, signer.session],
    parameters: [sized(extraData), ecdsa(hash)],
  });
  return readStatement(parameters, 'the certification');
}

/** TPM2_CertifyCreation: that the TPM itself made the object, out of which template. */
export async function certifyCreation(
  tpm: Tpm,
  subject: TpmObject,
  creation: Creation,
  signer: Authorized,
  hash: TpmHash,
  extraData: Uint8Array,
): Promise<SignedStatement> {
  const { parameters } = await tpm.run({
    command: 'CertifyCreation',
    handles: [signer.object, subject],
    authorize: [signer.session],
    parameters: [sized(extraData), sized(creation.hash), ecdsa(hash), creation.ticket],
  });
  return readStatement(parameters, 'the certification of how a key was made', false);
}

/** TPM2_Quote. */
export async function quote(
  tpm: Tpm,
  signer: Authorized,
  hash: TpmHash,
  selection: PcrSelection,
  extraData: Uint8Array,
): Promise<SignedStatement> {
  const { parameters } = await tpm.run({
    command: 'Quote',
    handles: [signer.object],
    authorize: [signer.session],
    parameters: [sized(extraData), ecdsa(hash), formatSelection(selection)],
  });
  return readStatement(parameters, 'the quote');
}

/** TPM2_MakeCredential. @param name of the object the secret is for. */
export async function makeCredentialByTpm(
  tpm: Tpm,
  ek: TpmEntity,
  name: Uint8Array,
  secret: Uint8Array,
): Promise<Credential> {
  const { parameters } = await tpm.run({
    command: 'MakeCredential',
    handles: [ek],
    parameters: [sized(secret), sized(name)],
  });
  const blob = sized(parameters.sized(CREDENTIAL_MAX));
  const encryptedSecret = sized(parameters.sized(CREDENTIAL_MAX));
  parameters.end();
  return { blob, encryptedSecret };
}

/**
 * TPM2_ActivateCredential.
 *
 * @param subject the object the secret is for; its session proves the ADMIN role.
 * @param ek with a policy session that fulfils its policy, see {@link ekPolicy}.
 */
export async function activateCredential(
  tpm: Tpm,
  subject: Authorized,
  ek: Authorized,
  credential: Credential,
): Promise<Uint8Array> {
  const { parameters } = await tpm.run({
    command: 'ActivateCredential',
    handles: [subject.object, ek.object],
    authorize: [subject.session, ek.session],
    parameters: [credential.blob, credential.encryptedSecret],
  });
  const secret = parameters.sized(SECRET_MAX);
  parameters.end();
  return secret;
}

/** What is known of an NV index. */
export interface NvIndex extends TpmEntity {
  /** TPMA_NV. */
  readonly attributes: number;
  /** Bytes. */
  readonly size: number;
}

/** TPM2_NV_ReadPublic. @param handle e.g. 0x01c00002, the EK certificate. */
export async function nvReadPublic(tpm: Tpm, handle: number): Promise<NvIndex> {
  const { parameters } = await tpm.run({
    command: 'NV_ReadPublic',
    handles: [{ handle, name: new Uint8Array(0) }],
  });
  const area = parameters.sized(512);
  const name = parameters.sized(66);
  parameters.end();
  const reader = new TpmReader(area, 'an NV index');
  reader.u32();
  reader.u16();
  const attributes = reader.u32();
  reader.sized(64);
  const size = reader.u16();
  reader.end();
  return { handle, name, attributes, size };
}

/** TPMA_NV_AUTHREAD: its own auth value, empty for EK certificates, reads it. */
const AUTH_READ = 0x0004_0000;
const NV_CHUNK = 512;
/** Largest index that is read whole, bytes. */
const NV_MAX = 8192;

/** Reads an NV index whole. @param owner who reads where the index's own auth value does not. */
export async function nvRead(tpm: Tpm, index: NvIndex, owner: TpmEntity): Promise<Uint8Array> {
  const by = (index.attributes & AUTH_READ) === 0 ? owner : index;
  const size = Math.min(index.size, NV_MAX);
  const parts: Uint8Array[] = [];
  for (let at = 0; at < size; at += NV_CHUNK) {
    const count = Math.min(NV_CHUNK, size - at);
    const { parameters } = await tpm.run({
      command: 'NV_Read',
      handles: [by, index],
      authorize: [EMPTY_AUTH],
      parameters: [u16(count), u16(at)],
    });
    const part = parameters.sized(count);
    parameters.end();
    if (part.length !== count) parameters.fail('fewer bytes than the index has');
    parts.push(part);
  }
  return joined(...parts);
}

/** TPM_CAP. */
const CAP_HANDLES = 1;
const CAP_PROPERTIES = 6;
const CAP_CURVES = 8;
const CAPABILITY_MOST = 254;

/** Handles in use, from this one on, of its kind. */
export function handlesInUse(tpm: Tpm, first: number): Promise<readonly number[]> {
  return getCapability(tpm, CAP_HANDLES, first, (reader) => reader.u32());
}

/** TPM_ECC_CURVE of the curves it has. */
export function curvesOf(tpm: Tpm): Promise<readonly number[]> {
  return getCapability(tpm, CAP_CURVES, 0, (reader) => reader.u16());
}

/** Fixed or variable properties (TPM_PT) from this one on. */
export async function propertiesOf(
  tpm: Tpm,
  first: number,
  count: number,
): Promise<ReadonlyMap<number, number>> {
  return new Map(
    await getCapability(
      tpm,
      CAP_PROPERTIES,
      first,
      (reader) => [reader.u32(), reader.u32()] as const,
      count,
    ),
  );
}

/** TPM2_GetCapability. */
async function getCapability<T>(
  tpm: Tpm,
  capability: number,
  property: number,
  read: (reader: TpmReader) => T,
  most: number = CAPABILITY_MOST,
): Promise<readonly T[]> {
  const { parameters } = await tpm.run({
    command: 'GetCapability',
    parameters: [u32(capability), u32(property), u32(most)],
  });
  // Whether there are more.
  parameters.u8();
  if (parameters.u32() !== capability) parameters.fail('another capability than asked for');
  const count = parameters.u32();
  if (count > most) parameters.fail('more than was asked for');
  const found: T[] = [];
  for (let at = 0; at < count; at += 1) found.push(read(parameters));
  parameters.end();
  return found;
}

function ecdsa(hash: TpmHash): Uint8Array {
  return joined(u16(TPM_ALG.ecdsa), u16(TPM_ALG[hash]));
}

/** TPM2B_ATTEST and TPMT_SIGNATURE, each of which is readable. */
function readStatement(parameters: TpmReader, what: string, parsed = true): SignedStatement {
  const statement = parameters.sized(ATTEST_MAX);
  const signature = parameters.rest();
  parseTpmSignature(signature, `the signature of ${what}`);
  if (parsed) parseAttest(statement, what);
  return { statement, signature };
}
