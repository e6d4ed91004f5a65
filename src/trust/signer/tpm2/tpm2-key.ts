// The TPM 2.0 back end: keys that are born in a TPM and fixed to it.

import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { WarderError } from '../../../base/errors/errors.ts';
import { rawSignature } from '../../tpm/attest-structures.ts';
import { curvesOf } from '../../tpm/attestation-commands.ts';
import type { TpmAttestor } from '../../tpm/attestor.ts';
import { HIERARCHY, type TpmObject, tpmObject } from '../../tpm/entity.ts';
import {
  pcrRead,
  policyAuthValue,
  policyPcr,
  policyRestart,
  sign,
} from '../../tpm/key-commands.ts';
import { collectEvidence, openCredential } from '../../tpm/key-evidence.ts';
import {
  create,
  evictControl,
  flushContext,
  load,
  readPublic,
  type WrappedObject,
} from '../../tpm/object-commands.ts';
import { pcrPolicyDigest } from '../../tpm/pcr-policy.ts';
import { nameOf, type PublicArea, TPM_CURVE, type TpmHash } from '../../tpm/public-area.ts';
import { TPM_RC } from '../../tpm/response-code.ts';
import { EMPTY_AUTH } from '../../tpm/session.ts';
import { startSession } from '../../tpm/start-session.ts';
import { signingTemplate } from '../../tpm/templates.ts';
import type { Tpm, TpmLimits } from '../../tpm/tpm.ts';
import { refusedWith, TpmFailure } from '../../tpm/tpm-failure.ts';
import type { BackEndKey } from '../checked-signer.ts';
import { ALGORITHMS } from '../jwk.ts';
import type { Tpm2KeyUri } from '../key-uri.ts';
import type { Custody, PublicJwk, SignRequest } from '../signer.ts';
import { signerTrouble } from '../trouble.ts';
import { below, ensureAuth, readAuth } from './auth-value.ts';
import { readBlob, writeBlob } from './key-blob.ts';
import { describeTpm } from './describe-tpm.ts';
import { checkArea, custodyOf, handleText } from './key-area.ts';
import { type LoadedKey, TpmDevice } from './tpm-device.ts';
import { changedKey, isWrongAuth, tpmTrouble } from './tpm-trouble.ts';

/** Where files are, and how long a TPM may take. */
export interface Tpm2Context {
  /** Directory relative paths are below. */
  readonly home: string;
  readonly limits?: TpmLimits;
}

/** Bank of the registers in policies. */
const BANK: TpmHash = 'sha256';
/** A register nobody asked about may be extended between a policy and its use. */
const POLICY_TRIES = 5;
const NOTHING = new Uint8Array(0);

/**
 * Opens a key in a TPM.
 *
 * @throws WarderError `unavailable`, also for a key that could leave the TPM or is not of the algorithm.
 */
export async function openTpm2Key(uri: Tpm2KeyUri, context: Tpm2Context): Promise<BackEndKey> {
  const auth = authPath(uri, context);
  const value = auth === undefined ? NOTHING : readAuth(auth);
  const device = TpmDevice.hold(uri.transport, context.limits);
  try {
    const wrapped = 'blob' in uri.key ? readBlob(below(context.home, uri.key.blob)) : undefined;
    const { area, tpm } = await device.use('lease', async (client) => ({
      area: wrapped?.area ?? (await readKey(client, device, uri)),
      tpm: await describeTpm(client),
    }));
    const key = checkArea(area, uri);
    return new Tpm2Key(uri, device, value, {
      key,
      area,
      wrapped,
      custody: custodyOf(area, uri, tpm),
    });
  } catch (error) {
    value.fill(0);
    await device.release();
    throw error;
  }
}

/** {@link createTpm2Key} up to the making. @throws WarderError what that would. */
export async function checkNewTpm2Key(uri: Tpm2KeyUri, context: Tpm2Context): Promise<void> {
  checkFile(uri, context);
  const auth = authPath(uri, context);
  if (auth !== undefined && existsSync(auth)) readAuth(auth).fill(0);
  const device = TpmDevice.hold(uri.transport, context.limits);
  try {
    await device.use('lease', async (tpm) => {
      await checkHandle(tpm, uri);
      await templateFor(tpm, uri);
    });
  } finally {
    await device.release();
  }
}

/**
 * Has a TPM make a key. A file with its auth value is made when there is none.
 *
 * @throws WarderError `conflict` when something is at the handle or path; `unavailable`.
 */
export async function createTpm2Key(uri: Tpm2KeyUri, context: Tpm2Context): Promise<PublicJwk> {
  const place = uri.key;
  const path = checkFile(uri, context);
  const device = TpmDevice.hold(uri.transport, context.limits);
  let auth: Uint8Array = NOTHING;
  try {
    const area = await device.use('lease', async (tpm) => {
      await checkHandle(tpm, uri);
      const template = await templateFor(tpm, uri);
      const source = authPath(uri, context);
      if (source !== undefined && auth.length === 0) auth = ensureAuth(source);
      const srk = await device.srk();
      const made = await create(tpm, srk, await device.session(), { template, auth });
      if ('handle' in place) await persist(tpm, device, made, place.handle);
      else if (path !== undefined) writeBlob(path, made);
      return made.area;
    });
    return checkArea(area, uri);
  } finally {
    auth.fill(0);
    await device.release();
  }
}

interface FoundKey {
  readonly key: PublicJwk;
  readonly area: PublicArea;
  /** Of a key that is not persistent. */
  readonly wrapped: WrappedObject | undefined;
  readonly custody: Custody;
}

class Tpm2Key implements BackEndKey {
  readonly key: PublicJwk;
  readonly custody: Custody;
  readonly attestor: TpmAttestor;
  readonly #uri: Tpm2KeyUri;
  readonly #device: TpmDevice;
  readonly #auth: Uint8Array;
  readonly #found: FoundKey;
  /** Set for good by a wrong auth value. */
  #refusal: unknown;
  #closed = false;

  constructor(uri: Tpm2KeyUri, device: TpmDevice, auth: Uint8Array, found: FoundKey) {
    this.key = found.key;
    this.custody = found.custody;
    this.#uri = uri;
    this.#device = device;
    this.#auth = auth;
    this.#found = found;
    this.attestor = {
      attest: (nonce) =>
        this.#use({ kind: 'attest' }, async (tpm) => {
          const { object } = await this.#loaded(tpm);
          const session = await this.#device.session();
          return collectEvidence(tpm, { object, session, policyPcrs: uri.pcrs }, nonce);
        }),
      activate: (credential) =>
        this.#use({ kind: 'attest' }, async (tpm) => {
          // EK and AK take the slots.
          await this.#device.unload();
          try {
            return await openCredential(tpm, credential);
          } catch (cause) {
            if (!refusedWith(cause, TPM_RC.integrity, TPM_RC.value, TPM_RC.size)) throw cause;
            const text = 'the credential is not for this TPM';
            throw new WarderError('not-trusted', text, {
              cause,
              hint: 'it opens elsewhere, or not at all',
            });
          }
        }),
    };
  }

  ready(): Promise<void> {
    return Promise.resolve();
  }

  sign(payload: Uint8Array, request: SignRequest): Promise<Uint8Array> {
    const { hash, coordinate } = ALGORITHMS[this.key.alg];
    if (hash === null) throw new Error('a TPM has no Ed25519');
    const digest = createHash(hash).update(payload).digest();
    return this.#use(request, async (tpm) => {
      const key = await this.#loaded(tpm);
      const signature = await this.#sign(tpm, key, hash, digest);
      const raw = rawSignature(signature, coordinate);
      if (raw === undefined) throw new TpmFailure('untrue', 'a signature that is too long');
      return raw;
    });
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#device.release();
    this.#auth.fill(0);
  }

  #use<T>({ kind }: Pick<SignRequest, 'kind'>, work: (tpm: Tpm) => Promise<T>): Promise<T> {
    return this.#device.use(kind, async (tpm) => {
      if (this.#closed) throw new WarderError('unavailable', 'the signer is closed');
      if (this.#refusal !== undefined) throw this.#refusal;
      try {
        return await work(tpm);
      } catch (error) {
        if (!isWrongAuth(error)) throw error;
        // What is authorised is bound to the key's Name: another key refuses like this, too.
        await this.#checkUnchanged(tpm);
        this.#refusal = tpmTrouble(error);
        throw this.#refusal;
      }
    });
  }

  #loaded(tpm: Tpm): Promise<LoadedKey> {
    return this.#device.loaded(this, async () => {
      const { wrapped, area } = this.#found;
      const { key, pcrs } = this.#uri;
      let object: TpmObject;
      if (wrapped === undefined) {
        await this.#checkUnchanged(tpm);
        object = tpmObject('handle' in key ? key.handle : 0, area, this.#auth);
      } else {
        const srk = await this.#device.srk();
        object = await load(tpm, srk, await this.#device.session(), wrapped, this.#auth);
      }
      if (pcrs.length === 0) return { object };
      try {
        return { object, policy: await startSession(tpm, 'policy', await this.#device.srk()) };
      } catch (error) {
        if (wrapped !== undefined) await flushContext(tpm, object).catch(() => undefined);
        throw error;
      }
    });
  }

  async #sign(
    tpm: Tpm,
    { object, policy }: LoadedKey,
    hash: TpmHash,
    digest: Uint8Array,
  ): ReturnType<typeof sign> {
    if (policy === undefined) return sign(tpm, object, await this.#device.session(), hash, digest);
    for (let left = POLICY_TRIES - 1; ; left -= 1) {
      try {
        await policyPcr(tpm, policy, { bank: BANK, pcrs: this.#uri.pcrs });
        if (this.#auth.length > 0) await policyAuthValue(tpm, policy);
        return await sign(tpm, object, policy, hash, digest);
      } catch (error) {
        if (error instanceof TpmFailure && error.kind === 'refused') {
          await policyRestart(tpm, policy);
        }
        if (!refusedWith(error, TPM_RC.pcrChanged) || left === 0) throw error;
      }
    }
  }

  async #checkUnchanged(tpm: Tpm): Promise<void> {
    if (this.#found.wrapped !== undefined) return;
    const area = await readKey(tpm, this.#device, this.#uri);
    const same = Buffer.compare(nameOf(area), nameOf(this.#found.area)) === 0;
    if (!same) throw changedKey(handleText(this.#uri), this.key.kid);
  }
}

/** The public area at a handle; nobody on the way can have changed it. */
async function readKey(tpm: Tpm, device: TpmDevice, uri: Tpm2KeyUri): Promise<PublicArea> {
  const handle = 'handle' in uri.key ? uri.key.handle : 0;
  const { area } = await readPublic(tpm, handle, await device.session());
  return area;
}

async function templateFor(tpm: Tpm, { alg, pcrs, authSource }: Tpm2KeyUri): Promise<Uint8Array> {
  const { crv, hash } = ALGORITHMS[alg];
  if (crv === 'Ed25519' || hash === null) throw new Error('a TPM has no Ed25519');
  if (!(await curvesOf(tpm)).includes(TPM_CURVE[crv])) {
    throw signerTrouble('misconfigured', `the TPM has no ${crv}: it cannot hold ${alg} keys`, {
      hint: 'use `alg=ES256`, which every TPM 2.0 has',
    });
  }
  if (pcrs.length === 0) return signingTemplate(crv, hash);
  const selection = { bank: BANK, pcrs };
  const values = [...(await pcrRead(tpm, selection)).values()];
  return signingTemplate(
    crv,
    hash,
    pcrPolicyDigest(BANK, selection, values, authSource !== undefined),
  );
}

async function persist(
  tpm: Tpm,
  device: TpmDevice,
  made: WrappedObject,
  handle: number,
): Promise<void> {
  const object = await load(tpm, await device.srk(), await device.session(), made);
  try {
    await evictControl(tpm, HIERARCHY.owner, EMPTY_AUTH, object, handle);
  } finally {
    await flushContext(tpm, object);
  }
}

/** Path of the key's file, if it shall be in one. @throws WarderError `conflict` when that exists. */
function checkFile({ key }: Tpm2KeyUri, { home }: Tpm2Context): string | undefined {
  const path = 'blob' in key ? below(home, key.blob) : undefined;
  if (path !== undefined && existsSync(path)) throw taken(path);
  return path;
}

/** @throws WarderError `conflict` when something is at the handle. */
async function checkHandle(tpm: Tpm, uri: Tpm2KeyUri): Promise<void> {
  if ('handle' in uri.key && (await isTaken(tpm, uri.key.handle))) throw taken(handleText(uri));
}

async function isTaken(tpm: Tpm, handle: number): Promise<boolean> {
  try {
    await readPublic(tpm, handle);
    return true;
  } catch (error) {
    if (refusedWith(error, TPM_RC.handle)) return false;
    // An object of a kind that is not read here is in the way, too.
    if (error instanceof WarderError && error.code === 'malformed') return true;
    throw error;
  }
}

function taken(where: string): WarderError {
  return new WarderError('conflict', `there is a key at \`${where}\` already`, {
    hint: 'an existing key is never overwritten: choose another place',
  });
}

function authPath({ authSource }: Tpm2KeyUri, { home }: Tpm2Context): string | undefined {
  return authSource === undefined ? undefined : below(home, authSource);
}
