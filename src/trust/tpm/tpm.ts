// A TPM: commands go in as structures, responses come out verified. What commands mean is said in the files beside.

import { createHash } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { WarderError } from '../../base/errors/errors.ts';
import { type CommandName, commandOf, type TpmCommand } from './commands.ts';
import type { TpmEntity } from './entity.ts';
import { TPM_RC } from './response-code.ts';
import { EMPTY_AUTH, SESSION_ATTRIBUTE, SESSION_HASH, type TpmSession } from './session.ts';
import { refusedWith, TpmFailure } from './tpm-failure.ts';
import { TpmReader } from './tpm-reader.ts';
import { joined, sized, u16, u32 } from './tpm-writer.ts';
import type { TpmTransport } from './transport.ts';

/** TPM_ST. */
const NO_SESSIONS = 0x8001;
const SESSIONS = 0x8002;
/** TPM_RS_PW. */
const PASSWORD = 0x4000_0009;
const SU_CLEAR = 0;

/** Largest digest, and so the largest nonce and HMAC, bytes. */
const DIGEST_MAX = 64;
/** Answers with which a TPM asks to be asked again; nothing was done. */
const AGAIN = [TPM_RC.retry, TPM_RC.yielded, TPM_RC.testing, TPM_RC.nvRate] as const;
const AGAIN_TIMES = 40;
const AGAIN_MS = 50;
const NOTHING = new Uint8Array(0);

/** How long a TPM may take for a command, milliseconds. */
export interface TpmLimits {
  readonly command: number;
  /** For one that makes a key: an RSA key can take a minute. */
  readonly long: number;
}

const LIMITS: TpmLimits = { command: 10_000, long: 120_000 };

/** A session, or an empty password for what has no auth value. */
export type Authorization = TpmSession | typeof EMPTY_AUTH;

/** One command. */
export interface TpmCall {
  readonly command: CommandName;
  readonly handles?: readonly TpmEntity[];
  /** For the handles that want one, in their order. */
  readonly authorize?: readonly Authorization[];
  /** A session beside them: its HMAC guards the response, it encrypts first parameters. */
  readonly guard?: TpmSession | undefined;
  /** Each encoded; the first with its length where the command's is a TPM2B. */
  readonly parameters?: readonly Uint8Array[];
}

/** What a TPM answered. */
export interface TpmAnswer {
  /** Zero for commands that answer none. */
  readonly handle: number;
  /** Over the parameters; the first is decrypted. */
  readonly parameters: TpmReader;
}

/** Speaks with the TPM behind a transport. Connects with the first command. */
export function openTpm(transport: TpmTransport, limits: TpmLimits = LIMITS): Tpm {
  return new Tpm(transport, limits);
}

/** One command at a time: who calls waits for the answer before the next. */
export class Tpm {
  readonly transport: TpmTransport;
  readonly #limits: TpmLimits;

  constructor(transport: TpmTransport, limits: TpmLimits) {
    this.transport = transport;
    this.#limits = limits;
  }

  /**
   * Carries out a command.
   *
   * @throws TpmFailure, `untrue` for an answer whose HMAC does not hold or which has no form. Who reads its
   *   parameters throws WarderError `malformed`.
   */
  async run(call: TpmCall): Promise<TpmAnswer> {
    const command = commandOf(call.command);
    const prepared = prepare(command, call);
    const response = await this.#send(prepared.bytes, command);
    try {
      return readAnswer(response, command, prepared);
    } catch (error) {
      if (!(error instanceof WarderError)) throw error;
      throw new TpmFailure('untrue', error.message, { cause: error });
    }
  }

  /** Flushes nothing: what is loaded stays in a TPM without a resource manager. */
  close(): Promise<void> {
    return this.transport.disconnect();
  }

  async #send(bytes: Uint8Array, command: TpmCommand): Promise<Uint8Array> {
    const ms = command.long ? this.#limits.long : this.#limits.command;
    for (let again = 0, started = false; ;) {
      const response = await this.transport.exchange(bytes, ms);
      const code = responseCode(response);
      if (code === 0) return response;
      const failure = TpmFailure.refused(command.name, code);
      if (refusedWith(failure, ...AGAIN) && again < AGAIN_TIMES) {
        again += 1;
        await pause(AGAIN_MS);
      } else if (refusedWith(failure, TPM_RC.initialize) && !started) {
        // Powered, and nobody started it: the kernel does, swtpm may not.
        started = true;
        const parameters = u16(SU_CLEAR);
        await this.transport.exchange(plain(commandOf('Startup').code, parameters), ms);
      } else {
        throw failure;
      }
    }
  }
}

/** A session with what it authorises. */
interface Used {
  readonly session: Authorization;
  readonly auth: Uint8Array;
  readonly attributes: number;
}

interface Prepared {
  readonly bytes: Uint8Array;
  readonly used: readonly Used[];
}

function prepare(
  command: TpmCommand,
  { handles = [], authorize = [], guard, parameters = [] }: TpmCall,
): Prepared {
  if (authorize.length !== command.authorized) {
    throw new Error(`${command.name} wants ${command.authorized} authorisations`);
  }
  const sessions = [...authorize, ...(guard === undefined ? [] : [guard])];
  const cipher = sessions.find((session) => session !== EMPTY_AUTH && session.secret);
  const used = sessions.map((session, at): Used => {
    const auth = (at < authorize.length ? handles[at]?.auth : undefined) ?? NOTHING;
    if (session === EMPTY_AUTH && auth.length > 0) {
      throw new Error('an auth value is not sent in the clear');
    }
    return { session, auth, attributes: attributesOf(command, session === cipher) };
  });
  const nonces = used.map(({ session }) => (session === EMPTY_AUTH ? NOTHING : session.next()));
  const body = joined(...firstEncrypted(command, parameters, used, cipher));
  const code = u32(command.code);
  const named = joined(...handles.map(({ handle }) => u32(handle)));
  if (used.length === 0) {
    return { bytes: plain(command.code, joined(named, body)), used };
  }
  const digest = createHash(SESSION_HASH).update(code);
  for (const { name } of handles) digest.update(name);
  const cpHash = digest.update(body).digest();
  const area = used.map(({ session, auth, attributes }, at) => {
    const hmac = session === EMPTY_AUTH ? NOTHING : session.authorize(cpHash, auth, attributes);
    const handle = session === EMPTY_AUTH ? PASSWORD : session.handle;
    return joined(
      u32(handle),
      sized(nonces[at] ?? NOTHING),
      Uint8Array.of(attributes),
      sized(hmac),
    );
  });
  const authorization = joined(...area);
  const rest = joined(code, named, u32(authorization.length), authorization, body);
  return { bytes: joined(u16(SESSIONS), u32(rest.length + 6), rest), used };
}

function attributesOf(command: TpmCommand, encrypts: boolean): number {
  const { continueSession, decrypt, encrypt } = SESSION_ATTRIBUTE;
  if (!encrypts) return continueSession;
  return (
    continueSession | (command.sizedCommand ? decrypt : 0) | (command.sizedResponse ? encrypt : 0)
  );
}

function firstEncrypted(
  command: TpmCommand,
  parameters: readonly Uint8Array[],
  used: readonly Used[],
  cipher: Authorization | undefined,
): readonly Uint8Array[] {
  const [first, ...others] = parameters;
  const by = used.find(({ session }) => session === cipher);
  if (!command.sizedCommand || first === undefined || by === undefined) return parameters;
  if (by.session === EMPTY_AUTH) return parameters;
  return [sized(by.session.encrypt(first.subarray(2), by.auth)), ...others];
}

function plain(code: number, body: Uint8Array): Uint8Array {
  return joined(u16(NO_SESSIONS), u32(body.length + 10), u32(code), body);
}

function responseCode(response: Uint8Array): number {
  const reader = new TpmReader(response.subarray(0, 10), 'the response');
  const tag = reader.u16();
  reader.u32();
  const code = reader.u32();
  // A TPM 1.2 answers with a tag of its own.
  if (tag === NO_SESSIONS || (tag === SESSIONS && code === 0)) return code;
  throw new TpmFailure('untrue', `not a TPM 2.0: a response with tag 0x${tag.toString(16)}`);
}

function readAnswer(response: Uint8Array, command: TpmCommand, { used }: Prepared): TpmAnswer {
  const what = `the response to ${command.name}`;
  const reader = new TpmReader(response, what);
  const tag = reader.u16();
  reader.bytes(8);
  if ((tag === SESSIONS) !== used.length > 0) reader.fail('its sessions are missing');
  const handle = command.answersHandle ? reader.u32() : 0;
  if (used.length === 0) {
    const body = response.subarray(command.answersHandle ? 14 : 10);
    return { handle, parameters: new TpmReader(body, what) };
  }
  const parameters = reader.bytes(reader.u32());
  const digest = createHash(SESSION_HASH)
    .update(u32(0))
    .update(u32(command.code))
    .update(parameters)
    .digest();
  const answers = used.map(() => ({
    nonce: reader.sized(DIGEST_MAX),
    attributes: reader.u8(),
    hmac: reader.sized(DIGEST_MAX),
  }));
  reader.end();
  let whole = parameters;
  for (const [at, { session, auth, attributes }] of used.entries()) {
    const answer = answers[at];
    if (session === EMPTY_AUTH || answer === undefined) continue;
    if (!session.verify(digest, auth, answer)) {
      throw new TpmFailure('untrue', `${what} was changed on its way: its HMAC does not hold`);
    }
    if ((attributes & SESSION_ATTRIBUTE.encrypt) === 0) continue;
    const first = new TpmReader(parameters, what).sized(parameters.length);
    whole = joined(sized(session.decrypt(first, auth)), parameters.slice(2 + first.length));
  }
  return { handle, parameters: new TpmReader(whole, what) };
}
