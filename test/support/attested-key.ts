// A key made and held by a software TPM, with everything it can prove; and what verifiers make of it.

import { createHash, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { encodeBase64url } from '../../src/base/encoding/base64url.ts';
import { readCertificates } from '../../src/trust/attest/certificate.ts';
import { possessionAdmitter } from '../../src/trust/attest/possession.ts';
import type { Expectation } from '../../src/trust/attest/verify-evidence.ts';
import { checkedSigner, type OpenedSigner } from '../../src/trust/signer/checked-signer.ts';
import { makePublicJwk } from '../../src/trust/signer/jwk.ts';
import { HIERARCHY } from '../../src/trust/tpm/entity.ts';
import { rawSignature } from '../../src/trust/tpm/attest-structures.ts';
import { collectEvidence, openCredential } from '../../src/trust/tpm/key-evidence.ts';
import { sign } from '../../src/trust/tpm/key-commands.ts';
import {
  create,
  createPrimary,
  evictControl,
  flushContext,
  load,
  type WrappedObject,
} from '../../src/trust/tpm/object-commands.ts';
import { EMPTY_AUTH } from '../../src/trust/tpm/session.ts';
import { socketTransport } from '../../src/trust/tpm/socket-transport.ts';
import { startSession } from '../../src/trust/tpm/start-session.ts';
import { signingTemplate, srkTemplate } from '../../src/trust/tpm/templates.ts';
import { openTpm, type Tpm } from '../../src/trust/tpm/tpm.ts';
import type { EndorsedTpm, TpmMaker } from './endorsed-tpm.ts';

export const origin = 'warder.invalid/log/0123456789abcdef';

/**
 * A signer whose key is loaded in the TPM at a port, connected until it is closed.
 *
 * @param given a key made otherwise, with an empty auth value; one made by the book when absent.
 */
async function attestedKey(port: number, given?: WrappedObject): Promise<OpenedSigner> {
  const tpm = openTpm(socketTransport({ host: '127.0.0.1', port }));
  try {
    return await loadedIn(tpm, given);
  } catch (error) {
    await tpm.close();
    throw error;
  }
}

/** Has a key do something, and closes it whatever comes of that. */
export async function withKey<T>(
  { port }: EndorsedTpm,
  use: (signer: OpenedSigner) => Promise<T>,
  given?: WrappedObject,
): Promise<T> {
  const signer = await attestedKey(port, given);
  try {
    return await use(signer);
  } finally {
    await signer.close();
  }
}

/** Where other programs find the parent of our keys from now on. */
export const SRK = '0x81000001';

/** Makes the parent of our keys persistent. */
export async function persistSrk({ port }: EndorsedTpm): Promise<void> {
  const tpm = openTpm(socketTransport({ host: '127.0.0.1', port }));
  try {
    const srk = await createPrimary(tpm, HIERARCHY.owner, EMPTY_AUTH, { template: srkTemplate });
    await evictControl(tpm, HIERARCHY.owner, EMPTY_AUTH, srk, Number(SRK));
    await flushContext(tpm, srk);
  } finally {
    await tpm.close();
  }
}

async function loadedIn(tpm: Tpm, given: WrappedObject | undefined): Promise<OpenedSigner> {
  const srk = await createPrimary(tpm, HIERARCHY.owner, EMPTY_AUTH, { template: srkTemplate });
  const session = await startSession(tpm, 'hmac', srk);
  const auth = given === undefined ? randomBytes(32) : new Uint8Array(0);
  const template = signingTemplate('P-256', 'sha256');
  const wrapped = given ?? (await create(tpm, srk, session, { template, auth }));
  const object = await load(tpm, srk, session, wrapped, auth);
  await flushContext(tpm, srk);
  const { key } = object.area;
  if (key.kind !== 'ecc') throw new Error('a key on a curve');
  const close = async (): Promise<void> => {
    await flushContext(tpm, object);
    await flushContext(tpm, session);
    await tpm.close();
  };
  const backEnd = {
    key: makePublicJwk('ES256', encodeBase64url(key.x), encodeBase64url(key.y)),
    custody: { backend: 'tpm2', summary: 'in a software TPM' },
    attestor: {
      attest: (nonce: Uint8Array) =>
        collectEvidence(tpm, { object, session, policyPcrs: [] }, nonce),
      activate: (credential: Parameters<typeof openCredential>[1]) =>
        openCredential(tpm, credential),
    },
    ready: () => Promise.resolve(),
    sign: async (payload: Uint8Array) => {
      const digest = createHash('sha256').update(payload).digest();
      const signature = await sign(tpm, object, session, 'sha256', digest);
      return rawSignature(signature, 32) ?? new Uint8Array(0);
    },
    close,
  } as const;
  const signer = checkedSigner(backEnd, {
    roles: ['attest'],
    admitters: [possessionAdmitter(origin)],
  });
  // The probe is a command, and a TPM takes one at a time.
  await signer.ready();
  return signer;
}

/** What somebody brings along who trusts the maker of the TPM. */
export function trusting(maker: TpmMaker, nonce: string): Expectation {
  const read = (path: string) => readCertificates(readFileSync(path), 'the CA');
  return {
    bound: { nonce },
    anchors: read(maker.root),
    intermediates: read(maker.issuer),
    pcrs: new Map(),
    now: Date.now(),
  };
}
