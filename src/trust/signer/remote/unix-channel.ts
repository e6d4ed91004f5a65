// A signer process over its Unix socket: frames, any number of requests under way on one connection.

import { lstatSync, statSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { dirname } from 'node:path';
import type { Json } from '../../../base/encoding/json.ts';
import { parseJson } from '../../../base/encoding/parse-json.ts';
import { encodeUtf8 } from '../../../base/encoding/utf8.ts';
import { WarderError } from '../../../base/errors/errors.ts';
import { encodeFrame, type FrameHeader } from '../../../base/frames/frame.ts';
import { type Frame, FrameReader } from '../../../base/frames/frame-reader.ts';
import { signerTrouble } from '../trouble.ts';
import { ANSWER_MS, pause, pauses, type SignerChannel } from './channel.ts';
import {
  MESSAGE_DEPTH,
  MESSAGE_MAX,
  nonsense,
  refusalError,
  SignerFrame,
  type SignerRequest,
} from './protocol.ts';

/** Opens no connection yet. @param path absolute. */
export function unixChannel(path: string): SignerChannel {
  return new UnixChannel(path);
}

class UnixChannel implements SignerChannel {
  readonly name: string;
  readonly #path: string;
  #connection: Promise<Connection> | undefined;
  #closed = false;

  constructor(path: string) {
    this.#path = path;
    this.name = path;
  }

  async ask(request: SignerRequest): Promise<Json> {
    const body = encodeUtf8(JSON.stringify(request));
    if (body.length > MESSAGE_MAX) {
      throw new WarderError('not-trusted', 'a request this large is not signed');
    }
    const connection = await this.#connected();
    return connection.ask(body);
  }

  async close(): Promise<void> {
    this.#closed = true;
    const connection = await this.#connection?.catch(() => undefined);
    connection?.end(closed());
  }

  #connected(): Promise<Connection> {
    if (this.#closed) return Promise.reject(closed());
    if (this.#connection !== undefined) return this.#connection;
    const connection = this.#connect();
    this.#connection = connection;
    const forget = (): void => {
      if (this.#connection === connection) this.#connection = undefined;
    };
    connection.then((made) => void made.ended.then(forget), forget);
    return connection;
  }

  async #connect(): Promise<Connection> {
    for (const ms of pauses()) {
      try {
        return await this.#tryOnce();
      } catch (error) {
        if (!isPassing(error)) throw unreachable(this.#path, error);
      }
      await pause(ms);
      if (this.#closed) throw closed();
    }
    try {
      return await this.#tryOnce();
    } catch (error) {
      throw unreachable(this.#path, error);
    }
  }

  #tryOnce(): Promise<Connection> {
    checkPlace(this.#path);
    return new Promise((resolve, reject) => {
      const socket = connect(this.#path);
      socket.once('error', reject);
      socket.once('connect', () => {
        socket.off('error', reject);
        resolve(new Connection(socket));
      });
    });
  }
}

interface Waiting {
  readonly resolve: (json: Json) => void;
  readonly reject: (error: WarderError) => void;
  readonly timer: NodeJS.Timeout;
}

/** One connection with its requests under way. */
class Connection {
  readonly ended: Promise<void>;
  readonly #socket: Socket;
  readonly #waiting = new Map<number, Waiting>();
  #last = 0;

  constructor(socket: Socket) {
    this.#socket = socket;
    const reader = new FrameReader({
      accept: (header) => this.#accept(header),
      frame: (frame) => this.#answer(frame),
    });
    const { promise, resolve } = Promise.withResolvers<void>();
    this.ended = promise;
    socket.on('data', (chunk: Buffer) => {
      try {
        reader.push(chunk);
      } catch (cause) {
        this.end(cause instanceof WarderError ? cause : nonsense(cause));
      }
    });
    socket.on('error', () => {});
    socket.once('close', () => {
      this.end(hungUp());
      resolve();
    });
  }

  ask(body: Uint8Array): Promise<Json> {
    if (this.#socket.destroyed) return Promise.reject(hungUp());
    return new Promise((resolve, reject) => {
      const call = (this.#last = (this.#last % 0xff_ff_ff_ff) + 1);
      const timer = setTimeout(() => this.#silent(call), ANSWER_MS);
      this.#waiting.set(call, { resolve, reject, timer });
      this.#socket.write(encodeFrame(SignerFrame.request, call, undefined, body));
    });
  }

  end(error: WarderError): void {
    this.#socket.destroy();
    for (const { reject, timer } of this.#waiting.values()) {
      clearTimeout(timer);
      reject(error);
    }
    this.#waiting.clear();
  }

  #accept({ kind, call, headBytes, bodyBytes }: FrameHeader): void {
    const isAnswer = kind === SignerFrame.answer || kind === SignerFrame.refusal;
    if (!isAnswer || headBytes > 0 || bodyBytes > MESSAGE_MAX || !this.#waiting.has(call)) {
      throw nonsense();
    }
  }

  #answer({ kind, call, body }: Frame): void {
    const waiting = this.#waiting.get(call);
    if (waiting === undefined) return;
    this.#waiting.delete(call);
    clearTimeout(waiting.timer);
    try {
      const json = parseJson(body, { maxBytes: MESSAGE_MAX, maxDepth: MESSAGE_DEPTH });
      if (kind === SignerFrame.answer) waiting.resolve(json);
      else waiting.reject(refusalError(json));
    } catch (cause) {
      waiting.reject(nonsense(cause));
    }
  }

  /** Others may still get their answers; a late one for this call ends the connection. */
  #silent(call: number): void {
    const waiting = this.#waiting.get(call);
    this.#waiting.delete(call);
    waiting?.reject(
      signerTrouble('transient', 'the signer process does not answer', {
        hint: 'look at its log; whether it signed is not known, nothing was given out',
      }),
    );
  }
}

/**
 * Who could put another socket there would be the signer.
 *
 * @throws WarderError `unavailable`; the error of the file system when there is no socket.
 */
function checkPlace(path: string): void {
  const socket = lstatSync(path);
  const place = statSync(dirname(path));
  const why = !socket.isSocket()
    ? 'it is no socket'
    : (place.mode & 0o022) !== 0
      ? 'others can write its directory'
      : place.uid !== socket.uid && place.uid !== 0
        ? 'it is not of the owner of its directory'
        : undefined;
  if (why === undefined) return;
  throw signerTrouble('misconfigured', `\`${path}\` is not taken for a signer: ${why}`, {
    hint: 'a signer listens in a directory of its own, that nobody else can write',
  });
}

/** A signer process that starts again is away for a moment; its socket may be gone or refuse. */
function isPassing(error: unknown): boolean {
  const { code = '' } = error as NodeJS.ErrnoException;
  return ['ENOENT', 'ECONNREFUSED', 'EAGAIN', 'ECONNRESET'].includes(code);
}

function unreachable(path: string, cause: unknown): WarderError {
  if (cause instanceof WarderError) return cause;
  const { code = '' } = cause as NodeJS.ErrnoException;
  if (isPassing(cause)) {
    return signerTrouble('removed', `no signer process listens on \`${path}\``, {
      cause,
      hint: 'start it: `warder signer serve --state DIR`, or `systemctl start warder-sign`',
    });
  }
  return signerTrouble('misconfigured', `\`${path}\` cannot be opened: ${code}`, {
    cause,
    hint: 'the user of the daemon has to be in the group of the directory of the socket',
  });
}

function hungUp(): WarderError {
  return signerTrouble('transient', 'the signer process went away before it answered', {
    hint: 'nothing was given out; try again, and look at its log if it goes on',
  });
}

function closed(): WarderError {
  return new WarderError('unavailable', 'the signer is closed');
}
