// A token as its keys see it: one queue, one process with its module, one login. All three are made anew when the
// token was away or the module hung or crashed. A PIN that was refused is not tried again.

import { statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { systemClock } from '../../../base/clock/clock.ts';
import { WarderError } from '../../../base/errors/errors.ts';
import { Broker, BrokerGone } from '../../../base/process/broker.ts';
import { scrubEnvironment } from '../../../base/process/scrub-environment.ts';
import { DeviceQueue } from '../device-queue.ts';
import { ask, deviceError, isTimeout } from './ask.ts';
import type { TokenFacts } from './messages.ts';

/** Signatures a token makes at once: as many as libuv has threads. */
const WIDTH = 4;
/** How long a failed login, or a device that hung, stands for those that come after it, milliseconds. */
const REST_MS = 500;
/** How long a process may take to close its sessions, milliseconds. */
const FINISH_MS = 1_000;
const REPLY_HEAD_MAX = 64 << 10;
const REPLY_BODY_MAX = 4096;

/** Answers after which the handles of a process are void for good: only another finds the token again. */
const VOID: ReadonlySet<unknown> = new Set([
  'CKR_CRYPTOKI_NOT_INITIALIZED',
  'CKR_DEVICE_ERROR',
  'CKR_DEVICE_REMOVED',
  'CKR_FUNCTION_FAILED',
  'CKR_GENERAL_ERROR',
  'CKR_KEY_HANDLE_INVALID',
  'CKR_OBJECT_HANDLE_INVALID',
  'CKR_SESSION_CLOSED',
  'CKR_SESSION_HANDLE_INVALID',
  'CKR_SLOT_ID_INVALID',
  'CKR_TOKEN_NOT_PRESENT',
  'CKR_TOKEN_NOT_RECOGNIZED',
  'CKR_USER_NOT_LOGGED_IN',
]);

/** What a device may take, milliseconds. */
export interface DeviceLimits {
  /** Loading its module, logging in, looking for a key: each. */
  readonly openMs: number;
  /** One signature. */
  readonly signMs: number;
}

/** Which token, and how its module is started. */
export interface TokenPlace {
  /** The module's file. */
  readonly module: string;
  readonly label: string;
  /** Modules find their own configuration in it. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly limits: DeviceLimits;
}

/** A login. It ends with its process. */
export interface TokenSession {
  readonly broker: Broker;
  readonly facts: TokenFacts;
}

/** The tokens that keys of this process are in. */
const tokens = new Map<string, Pkcs11Token>();
/** PIN files whose PIN a token refused, as they were then. Stays when the token is let go. */
const refusals = new Map<string, { readonly file: string; readonly error: WarderError }>();

export class Pkcs11Token {
  readonly label: string;
  readonly limits: DeviceLimits;
  readonly queue: DeviceQueue = new DeviceQueue(WIDTH);
  readonly #name: string;
  readonly #place: TokenPlace;
  #holders = 0;
  #session: Promise<TokenSession> | undefined;
  #failure: { readonly error: unknown; readonly until: number } | undefined;

  private constructor(name: string, place: TokenPlace) {
    this.label = place.label;
    this.limits = place.limits;
    this.#name = name;
    this.#place = place;
  }

  /** The one object of a token, for as long as {@link release} is called less often. */
  static hold(place: TokenPlace): Pkcs11Token {
    const env = scrubEnvironment(place.env);
    const name = JSON.stringify([place.module, place.label, Object.entries(env)]);
    const token = tokens.get(name) ?? new Pkcs11Token(name, { ...place, env });
    tokens.set(name, token);
    token.#holders += 1;
    return token;
  }

  /**
   * The login of now, or a new one. Who asks while one is being made waits for the same.
   *
   * @param pin path of the PIN file.
   * @throws WarderError `unavailable`.
   */
  session(pin: string | undefined): Promise<TokenSession> {
    if (this.#holders === 0) return Promise.reject(closed());
    if (this.#session !== undefined) return this.#session;
    if (this.#failure !== undefined && systemClock.monotonic() < this.#failure.until) {
      return Promise.reject(this.#failure.error);
    }
    const session = this.#logIn(pin);
    this.#session = session;
    session.catch((error: unknown) => {
      if (this.#session === session) this.#session = undefined;
      this.#rest(error);
    });
    return session;
  }

  /**
   * Ends a login that a failed request shows to be of no more use, so that the next {@link session} is another.
   *
   * @param again whether it failed anew after that: then it is left alone for a while.
   * @returns whether asking again may help at once.
   */
  async lost(session: TokenSession, error: unknown, again: boolean): Promise<boolean> {
    const timeout = isTimeout(error);
    const gone = error instanceof BrokerGone;
    const isVoid = error instanceof WarderError && VOID.has(error.data['answer']);
    if (!timeout && !gone && !isVoid) return false;
    // Who waits for a device that hangs or fails need not find it out one after the other.
    if (timeout || again) this.#rest(deviceError(error, this.label));
    const current = await this.#session?.catch(() => undefined);
    if (current === session) this.#session = undefined;
    await (isVoid ? finish(session.broker) : session.broker.kill());
    return !timeout && !again;
  }

  async release(): Promise<void> {
    this.#holders -= 1;
    if (this.#holders > 0) return;
    if (tokens.get(this.#name) === this) tokens.delete(this.#name);
    this.queue.close();
    const session = await this.#session?.catch(() => undefined);
    this.#session = undefined;
    if (session !== undefined) await finish(session.broker);
  }

  #rest(error: unknown): void {
    this.#failure = { error, until: systemClock.monotonic() + REST_MS };
  }

  async #logIn(pin: string | undefined): Promise<TokenSession> {
    const file = pin === undefined ? 'none' : stateOf(pin);
    const refusal = refusals.get(this.#name);
    if (refusal?.file === file) throw refusal.error;
    const broker = this.#start();
    try {
      await broker.ready;
      const { openMs } = this.limits;
      const { head } = await ask(broker, openMs, { op: 'log-in', token: this.label, pin });
      refusals.delete(this.#name);
      return { broker, facts: head['value'] as TokenFacts };
    } catch (thrown) {
      const error = deviceError(thrown, this.label);
      if (error.data['signer'] === 'auth') refusals.set(this.#name, { file, error });
      // A token that comes back is seen by a new process only.
      await broker.kill();
      throw error;
    }
  }

  #start(): Broker {
    const { module, env } = this.#place;
    const source = import.meta.url.endsWith('.ts') ? './broker/main.ts' : './broker/main.js';
    return new Broker({
      process: {
        entry: fileURLToPath(new URL(source, import.meta.url)),
        args: [module],
        env,
        flags: ['--max-old-space-size=128', '--max-semi-space-size=2', '--single-threaded-gc'],
      },
      replyHead: REPLY_HEAD_MAX,
      replyBody: REPLY_BODY_MAX,
      stuckMs: 0,
    });
  }
}

/** Devices have few sessions, and some keep those of a process that was just killed. */
async function finish(broker: Broker): Promise<void> {
  try {
    await ask(broker, FINISH_MS, { op: 'finish' });
  } catch {
    // It hangs or is gone.
  }
  await broker.kill();
}

/** Changes whenever the file is written or replaced. */
function stateOf(path: string): string {
  const stats = statSync(path, { bigint: true, throwIfNoEntry: false });
  if (stats === undefined) return 'none';
  const { ino, size, mtimeNs, ctimeNs } = stats;
  return [ino, size, mtimeNs, ctimeNs].join(' ');
}

function closed(): WarderError {
  return new WarderError('unavailable', 'the signer is closed');
}
