// A TPM behind a socket: the server port of swtpm, or its Unix socket.

import { connect, type Socket } from 'node:net';
import { TpmFailure } from './tpm-failure.ts';
import { RESPONSE_MAX, responseLength, type TpmTransport } from './transport.ts';

/** Where swtpm listens. */
export type SocketPlace =
  { readonly host: string; readonly port: number } | { readonly path: string };

/** Connects at the first command. */
export function socketTransport(place: SocketPlace): TpmTransport {
  return new SocketTransport(place);
}

/** One command under way. */
interface Exchange {
  readonly resolve: (response: Uint8Array) => void;
  readonly reject: (failure: TpmFailure) => void;
  readonly timer: NodeJS.Timeout;
  received: Uint8Array<ArrayBuffer>;
}

class SocketTransport implements TpmTransport {
  readonly place: string;
  readonly exclusive = true;
  readonly #where: SocketPlace;
  #socket: Socket | undefined;
  #exchange: Exchange | undefined;

  constructor(where: SocketPlace) {
    this.#where = where;
    this.place = 'path' in where ? where.path : `${where.host}:${where.port}`;
  }

  exchange(command: Uint8Array, ms: number): Promise<Uint8Array> {
    if (this.#exchange !== undefined) {
      return Promise.reject(
        new TpmFailure('slow', `the TPM at ${this.place} has a command already`),
      );
    }
    const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>();
    const timer = setTimeout(() => {
      this.#fail(
        new TpmFailure('slow', `the TPM at ${this.place} does not answer within ${ms} ms`),
      );
    }, ms);
    this.#exchange = { resolve, reject, timer, received: new Uint8Array(0) };
    this.#connected().write(command);
    return promise;
  }

  disconnect(): Promise<void> {
    this.#fail(new TpmFailure('gone', `the connection to the TPM at ${this.place} was ended`));
    return Promise.resolve();
  }

  #connected(): Socket {
    if (this.#socket !== undefined) return this.#socket;
    const socket = connect({ ...this.#where });
    this.#socket = socket;
    socket.setNoDelay(true);
    const lost = (cause?: Error): void => {
      if (this.#socket !== socket) return;
      const why = cause === undefined ? 'it ended the connection' : cause.message;
      this.#fail(new TpmFailure('gone', `no TPM at ${this.place}: ${why}`, { cause }));
    };
    socket.on('error', lost);
    socket.on('close', () => {
      lost();
    });
    socket.on('data', (bytes: Buffer) => {
      if (this.#socket === socket) this.#receive(bytes);
    });
    return socket;
  }

  #receive(bytes: Buffer): void {
    const exchange = this.#exchange;
    if (exchange === undefined || exchange.received.length + bytes.length > RESPONSE_MAX) {
      this.#fail(new TpmFailure('untrue', `what is at ${this.place} talks unasked: not a TPM`));
      return;
    }
    const received = new Uint8Array(exchange.received.length + bytes.length);
    received.set(exchange.received);
    received.set(bytes, exchange.received.length);
    exchange.received = received;
    try {
      const length = responseLength(received);
      if (length === undefined || received.length < length) return;
      if (received.length > length) {
        throw new TpmFailure('untrue', `what is at ${this.place} says more than one response`);
      }
      this.#exchange = undefined;
      clearTimeout(exchange.timer);
      exchange.resolve(received);
    } catch (error) {
      this.#fail(error as TpmFailure);
    }
  }

  /** After a failure it is not known what the TPM is about to say: the connection goes. */
  #fail(failure: TpmFailure): void {
    const [socket, exchange] = [this.#socket, this.#exchange];
    this.#socket = undefined;
    this.#exchange = undefined;
    socket?.destroy();
    if (exchange === undefined) return;
    clearTimeout(exchange.timer);
    exchange.reject(failure);
  }
}
