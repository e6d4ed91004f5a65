// A TPM as its keys see it: one queue, one connection, one salted session, at most one key loaded. All of it is made
// anew when the TPM was away or restarted.

import { systemClock } from '../../../base/clock/clock.ts';
import { WarderError } from '../../../base/errors/errors.ts';
import { handlesInUse } from '../../tpm/attestation-commands.ts';
import { deviceTransport } from '../../tpm/device-transport.ts';
import { HANDLE_RANGE, HIERARCHY, type TpmObject, tpmObject } from '../../tpm/entity.ts';
import {
  createPrimary,
  evictControl,
  flushContext,
  readPublic,
} from '../../tpm/object-commands.ts';
import { hasAll } from '../../tpm/public-area.ts';
import { TPM_RC } from '../../tpm/response-code.ts';
import { EMPTY_AUTH, type TpmSession } from '../../tpm/session.ts';
import { socketTransport } from '../../tpm/socket-transport.ts';
import { startSession } from '../../tpm/start-session.ts';
import { srkTemplate } from '../../tpm/templates.ts';
import { openTpm, type Tpm, type TpmLimits } from '../../tpm/tpm.ts';
import { refusedWith } from '../../tpm/tpm-failure.ts';
import type { TpmTransport } from '../../tpm/transport.ts';
import { DeviceQueue } from '../device-queue.ts';
import type { Tpm2KeyUri } from '../key-uri.ts';
import type { SignKind } from '../signer.ts';
import { signerTrouble } from '../trouble.ts';
import { answerFailure, isLost, tpmTrouble } from './tpm-trouble.ts';

/** The TCG's handle of the storage root key. */
const SRK = 0x8100_0001;
/** How long a TPM that did not answer is not asked again, milliseconds. */
const REST_MS = 500;
/** How long a TPM nobody else gets at meanwhile is kept without work, milliseconds. */
const IDLE_MS = 250;
/** A TPM that restarted is noticed once, slots that are full another time. */
const TRIES = 3;

/** Everything in the TPM that we had there is gone. */
const FORGOTTEN = [
  TPM_RC.referenceH0,
  TPM_RC.referenceH1,
  TPM_RC.referenceH2,
  TPM_RC.referenceS0,
  TPM_RC.referenceS1,
  TPM_RC.referenceS2,
] as const;
/** Slots are full. */
const FULL = [
  TPM_RC.objectMemory,
  TPM_RC.sessionMemory,
  TPM_RC.memory,
  TPM_RC.sessionHandles,
  TPM_RC.objectHandles,
  TPM_RC.contextGap,
] as const;

/** A key that is ready in the TPM. */
export interface LoadedKey {
  readonly object: TpmObject;
  /** For a key with a policy. */
  readonly policy?: TpmSession;
}

/** What is in the TPM for us. */
interface Holdings {
  srk?: TpmObject;
  session?: TpmSession;
  loaded?: { readonly owner: object; readonly key: LoadedKey };
}

/** The TPMs that keys of this process are in. */
const devices = new Map<string, TpmDevice>();

export class TpmDevice {
  readonly place: string;
  readonly #name: string;
  readonly #tpm: Tpm;
  readonly #queue = new DeviceQueue(1);
  #holders = 0;
  #holdings: Holdings = {};
  #failure: { readonly error: unknown; readonly until: number } | undefined;
  #idle: NodeJS.Timeout | undefined;
  #srkName: Uint8Array | undefined;

  private constructor(name: string, transport: TpmTransport, limits: TpmLimits | undefined) {
    this.#name = name;
    this.place = transport.place;
    this.#tpm = openTpm(transport, limits);
  }

  /** The one object of a TPM, for as long as {@link release} is called less often. */
  static hold(where: Tpm2KeyUri['transport'], limits?: TpmLimits): TpmDevice {
    const name = JSON.stringify([where, limits]);
    const device = devices.get(name) ?? new TpmDevice(name, transportTo(where), limits);
    devices.set(name, device);
    device.#holders += 1;
    return device;
  }

  /**
   * Does something with the TPM when it is its turn; again when the TPM was restarted meanwhile.
   *
   * @param work may be called more than once.
   * @throws WarderError `unavailable`; what else `work` throws.
   */
  use<T>(kind: SignKind, work: (tpm: Tpm) => Promise<T>): Promise<T> {
    return this.#queue.run(kind, async () => {
      clearTimeout(this.#idle);
      if (this.#failure !== undefined && systemClock.monotonic() < this.#failure.until) {
        throw this.#failure.error;
      }
      for (let left = TRIES - 1; ; left -= 1) {
        try {
          const result = await work(this.#tpm);
          this.#failure = undefined;
          return result;
        } catch (thrown) {
          const error = answerFailure(thrown);
          if (!(await this.#helps(error)) || left === 0) throw this.#report(error);
        } finally {
          this.#restLater();
        }
      }
    });
  }

  /** The storage root key; made where there is none. */
  async srk(): Promise<TpmObject> {
    this.#holdings.srk ??= await this.#findSrk();
    return this.#holdings.srk;
  }

  /** A session that is salted to the storage root key, for everything but policies. */
  async session(): Promise<TpmSession> {
    const { session } = this.#holdings;
    if (session?.alive === true) return session;
    const fresh = await startSession(this.#tpm, 'hmac', await this.srk());
    this.#holdings.session = fresh;
    return fresh;
  }

  /** The key of an owner, loaded; whatever else is loaded makes room. */
  async loaded(owner: object, load: () => Promise<LoadedKey>): Promise<LoadedKey> {
    const { loaded } = this.#holdings;
    if (loaded?.owner === owner && loaded.key.policy?.alive !== false) return loaded.key;
    await this.unload();
    const key = await load();
    this.#holdings.loaded = { owner, key };
    return key;
  }

  /** Gives back what the loaded key takes. */
  async unload(): Promise<void> {
    const key = this.#holdings.loaded?.key;
    delete this.#holdings.loaded;
    if (key === undefined) return;
    if (key.policy?.alive === true) await flushContext(this.#tpm, key.policy);
    if (key.object.handle < HANDLE_RANGE.persistent) await flushContext(this.#tpm, key.object);
  }

  /** With the last holder, gives everything back. */
  async release(): Promise<void> {
    this.#holders -= 1;
    if (this.#holders > 0) return;
    if (devices.get(this.#name) === this) devices.delete(this.#name);
    clearTimeout(this.#idle);
    await this.#queue.run('lease', () => this.#letGo());
    this.#queue.close();
  }

  async #findSrk(): Promise<TpmObject> {
    const srk = (await this.#readSrk()) ?? (await this.#makeSrk());
    const { area } = srk;
    if (!hasAll(area, ['fixedTPM', 'restricted', 'decrypt']) || area.symmetric === undefined) {
      throw signerTrouble(
        'misconfigured',
        `what is at 0x81000001 in ${this.place} is no storage key`,
        {
          hint: 'evict it; warder makes the storage root key of the TCG there',
        },
      );
    }
    this.#srkName ??= srk.name;
    if (Buffer.compare(this.#srkName, srk.name) === 0) return srk;
    throw signerTrouble('misconfigured', `at ${this.place} is another TPM than before`, {
      hint: 'or it was cleared: put the former one back, or restart warder with a key of this one',
    });
  }

  async #readSrk(): Promise<TpmObject | undefined> {
    try {
      const { area } = await readPublic(this.#tpm, SRK);
      return tpmObject(SRK, area);
    } catch (error) {
      if (refusedWith(error, TPM_RC.handle)) return undefined;
      throw error;
    }
  }

  async #makeSrk(): Promise<TpmObject> {
    const template = srkTemplate;
    const made = await createPrimary(this.#tpm, HIERARCHY.owner, EMPTY_AUTH, { template });
    try {
      await evictControl(this.#tpm, HIERARCHY.owner, EMPTY_AUTH, made, SRK);
    } finally {
      await flushContext(this.#tpm, made);
    }
    return tpmObject(SRK, made.area);
  }

  /** Whether the same work may succeed now. */
  async #helps(error: unknown): Promise<boolean> {
    if (isLost(error)) {
      // Nothing can be flushed over a connection that is lost; a TPM that is alive says when its slots are full.
      const had = Object.keys(this.#holdings).length > 0;
      this.#holdings = {};
      await this.#tpm.close();
      return had && error.kind === 'gone';
    }
    if (refusedWith(error, ...FORGOTTEN)) {
      this.#holdings = {};
      return true;
    }
    return refusedWith(error, ...FULL) && (await this.#sweep());
  }

  /**
   * Flushes everything. With no resource manager between, what is loaded was ours or was left behind; a resource
   * manager shows us nothing but our own.
   */
  async #sweep(): Promise<boolean> {
    this.#holdings = {};
    try {
      for (const first of [HANDLE_RANGE.transient, HANDLE_RANGE.hmacSession]) {
        for (const handle of await handlesInUse(this.#tpm, first)) {
          await flushContext(this.#tpm, { handle });
        }
      }
      return true;
    } catch {
      return false;
    }
  }

  #report(error: unknown): unknown {
    const trouble = tpmTrouble(error);
    if (isLost(error)) {
      this.#failure = { error: trouble, until: systemClock.monotonic() + REST_MS };
    }
    return trouble;
  }

  /** Others can get at a TPM without a resource manager only while we are away. */
  #restLater(): void {
    if (!this.#tpm.transport.exclusive || this.#holders === 0) return;
    clearTimeout(this.#idle);
    this.#idle = setTimeout(() => {
      void this.#queue.run('checkpoint', () => this.#letGo()).catch(() => undefined);
    }, IDLE_MS);
  }

  async #letGo(): Promise<void> {
    const { session } = this.#holdings;
    try {
      await this.unload();
      if (session?.alive === true) await flushContext(this.#tpm, session);
    } catch {
      // It went away first.
    }
    this.#holdings = {};
    await this.#tpm.close();
  }
}

function transportTo(where: Tpm2KeyUri['transport']): TpmTransport {
  if ('device' in where) return deviceTransport(where.device);
  const { socket } = where;
  if (socket.startsWith('/')) return socketTransport({ path: socket });
  const colon = socket.lastIndexOf(':');
  const host = socket.slice(0, colon).replaceAll(/^\[|\]$/g, '');
  const port = Number(socket.slice(colon + 1));
  if (port > 0 && port < 0x1_0000) return socketTransport({ host, port });
  throw new WarderError('usage', `\`${socket}\` is no place of a TPM`, {
    hint: 'a port is 1 to 65535',
  });
}
