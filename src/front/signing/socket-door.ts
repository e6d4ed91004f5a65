// The signer's Unix socket: frames from callers who are not believed. A length is judged before a byte of it is
// kept, what is slow or out of order ends its connection, and who reads no answers is asked for no more.

import { chmodSync, rmSync, statSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { dirname } from 'node:path';
import type { Json } from '../../base/encoding/json.ts';
import { parseJson } from '../../base/encoding/parse-json.ts';
import { encodeUtf8 } from '../../base/encoding/utf8.ts';
import { asWarderError, WarderError } from '../../base/errors/errors.ts';
import { encodeFrame, type FrameHeader } from '../../base/frames/frame.ts';
import { type Frame, FrameReader } from '../../base/frames/frame-reader.ts';
import {
  MESSAGE_DEPTH,
  MESSAGE_MAX,
  refusalJson,
  SignerFrame,
} from '../../trust/signer/remote/protocol.ts';
import { Burden } from './burden.ts';
import type { Door, DoorParts } from './door.ts';

const CONNECTIONS_MAX = 64;
/** Requests of one connection under way; more are not read yet. */
const REQUESTS_MAX = 1024;
/** Answers somebody does not read, bytes; then nothing more of theirs is read. */
const UNREAD_MAX = 1024 * 1024;
/** How long a frame may take to come whole, milliseconds. */
const FRAME_MS = 10_000;

/**
 * Listens on a socket in a directory that only this user can write: 0600, or 0660 where the directory hands its
 * group on (set-group-ID).
 *
 * @throws WarderError `unavailable` when the directory is open to others, or it cannot listen.
 */
export async function openSocketDoor(path: string, parts: DoorParts): Promise<Door> {
  const mode = modeFor(dirname(path));
  const burden = new Burden();
  const connections = new Set<Connection>();
  const server = createServer((socket) => {
    const connection = new Connection(socket, parts, burden);
    connections.add(connection);
    socket.once('close', () => connections.delete(connection));
  });
  server.maxConnections = CONNECTIONS_MAX;
  rmSync(path, { force: true });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) => reject(cannotListen(path, cause)));
    server.listen({ path, backlog: 512 }, resolve);
  });
  chmodSync(path, mode);
  return {
    address: `unix:${path}`,
    close: async () => {
      const gone = new Promise<void>((resolve) => server.close(() => resolve()));
      await Promise.all([...connections].map((each) => each.drain()));
      await gone;
    },
  };
}

function modeFor(directory: string): number {
  let stats;
  try {
    stats = statSync(directory);
  } catch (cause) {
    throw cannotListen(directory, cause);
  }
  const [mode, isOwn] = [stats.mode & 0o7777, stats.uid === process.getuid?.()];
  if (isOwn && mode === 0o2750) return 0o660;
  if (isOwn && (mode & 0o077) === 0) return 0o600;
  throw new WarderError(
    'unavailable',
    `\`${directory}\` is no place for a signer to listen: ${isOwn ? `its mode is ${mode.toString(8)}` : 'it is another user’s'}`,
    { hint: 'a directory of the signer’s user, mode 700, or 2750 of the group that may ask it' },
  );
}

class Connection {
  readonly #socket: Socket;
  readonly #parts: DoorParts;
  readonly #burden: Burden;
  readonly #reader: FrameReader;
  #running = 0;
  #late: NodeJS.Timeout | undefined;
  #drained: (() => void) | undefined;

  constructor(socket: Socket, parts: DoorParts, burden: Burden) {
    this.#socket = socket;
    this.#parts = parts;
    this.#burden = burden;
    this.#reader = new FrameReader({ accept, frame: (frame) => void this.#answer(frame) });
    socket.on('data', (chunk: Buffer) => this.#read(chunk));
    socket.on('drain', () => this.#goOn());
    socket.on('error', () => {});
    socket.once('close', () => clearTimeout(this.#late));
  }

  /** Ends once what was asked is answered. */
  async drain(): Promise<void> {
    this.#socket.pause();
    if (this.#running > 0) {
      await new Promise<void>((resolve) => {
        this.#drained = resolve;
      });
    }
    await new Promise<void>((resolve) => {
      if (this.#socket.destroyed) resolve();
      else {
        this.#socket.once('close', () => resolve());
        this.#socket.end(() => this.#socket.destroy());
      }
    });
  }

  #read(chunk: Uint8Array): void {
    try {
      this.#reader.push(chunk);
    } catch (error) {
      this.#parts.note(`a connection ended: ${asWarderError(error).message}`);
      this.#socket.destroy();
      return;
    }
    if (!this.#reader.isAmidFrame) {
      clearTimeout(this.#late);
      this.#late = undefined;
    } else {
      this.#late ??= setTimeout(() => this.#socket.destroy(), FRAME_MS);
    }
  }

  async #answer({ call, body }: Frame): Promise<void> {
    // The reader's buffer may be used again; a copy is cheap beside a signature.
    const bytes = Uint8Array.from(body);
    this.#running += 1;
    if (!this.#burden.take(bytes.length)) {
      this.#socket.pause();
      this.#burden.whenLighter(() => this.#goOn());
    }
    if (this.#running >= REQUESTS_MAX) this.#socket.pause();
    const answer = await answerTo(bytes, this.#parts);
    this.#running -= 1;
    this.#burden.giveBack(bytes.length);
    if (!this.#socket.destroyed) {
      this.#socket.write(encodeFrame(answer.kind, call, undefined, answer.body));
      if (this.#socket.writableLength > UNREAD_MAX) this.#socket.pause();
    }
    this.#goOn();
    if (this.#running === 0) this.#drained?.();
  }

  #goOn(): void {
    const isBehind = this.#running >= REQUESTS_MAX || this.#socket.writableLength > UNREAD_MAX;
    if (this.#drained === undefined && !isBehind && this.#socket.isPaused()) this.#socket.resume();
  }
}

function accept({ kind, headBytes, bodyBytes }: FrameHeader): void {
  if (kind === SignerFrame.request && headBytes === 0 && bodyBytes <= MESSAGE_MAX) return;
  throw new RangeError('a frame that may not come');
}

interface Answer {
  readonly kind: number;
  readonly body: Uint8Array;
}

async function answerTo(bytes: Uint8Array, { desk, note }: DoorParts): Promise<Answer> {
  try {
    const request: Json = parseJson(bytes, { maxBytes: MESSAGE_MAX, maxDepth: MESSAGE_DEPTH });
    const answer = await desk.answer(request);
    return { kind: SignerFrame.answer, body: encodeUtf8(JSON.stringify(answer)) };
  } catch (thrown) {
    const error = asWarderError(thrown);
    note(`refused: ${error.message}`);
    return { kind: SignerFrame.refusal, body: encodeUtf8(JSON.stringify(refusalJson(error))) };
  }
}

function cannotListen(path: string, cause: unknown): WarderError {
  return new WarderError('unavailable', `cannot listen on \`${path}\``, {
    cause,
    hint: 'the directory has to exist and to belong to the user of the signer',
  });
}
