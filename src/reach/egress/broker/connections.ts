// The connections of one call: kept open between its requests, used by no other call.

import type { Socket } from 'node:net';
import { Client } from 'undici';
import type { Address } from '../../../catalog/address.ts';
import { EgressRefusal } from '../refusal.ts';
import type { Target } from '../target.ts';
import { pinnedConnector } from './connect.ts';

/** Fields of an answer, bytes. */
const MAX_ANSWER_FIELDS = 16 << 10;
/** Open and unused, in one call. */
const MAX_IDLE = 16;
/** A request that met a connection just closed may be dialled for once more. */
const MAX_DIALS = 2;

/** An undici client that holds one connection at most, to one origin at checked addresses. */
export class Connection {
  readonly client: Client;
  readonly origin: string;
  #socket: Socket | undefined;
  #dials = 0;

  constructor(target: Target, addresses: readonly Address[], trusted: string | undefined) {
    this.origin = target.origin;
    const connect = pinnedConnector(target, {
      addresses,
      trusted,
      dialled: (socket) => {
        this.#socket = socket;
      },
    });
    this.client = new Client(target.origin, {
      connect: (given, callback) => {
        this.#dials += 1;
        if (this.#dials > MAX_DIALS) {
          callback(new EgressRefusal('failed', 'the server closes every connection'), null);
        } else {
          connect(given, callback);
        }
      },
      allowH2: true,
      pipelining: 1,
      maxHeaderSize: MAX_ANSWER_FIELDS,
      // Whoever sends keeps the time.
      headersTimeout: 0,
      bodyTimeout: 0,
      h2Options: { pingInterval: 0 },
    });
  }

  /** A new request begins. */
  begin(): void {
    this.#dials = 0;
  }

  /** Closes it, whatever it is doing. */
  discard(): void {
    // In this order: undici's HTTP/2 does not bear a socket that goes before its session.
    this.client.destroy().catch(() => undefined);
    setImmediate(() => this.#socket?.destroy());
  }
}

export class Connections {
  readonly #trusted: string | undefined;
  /** Oldest first. */
  readonly #idle: Connection[] = [];
  readonly #used = new Set<Connection>();
  #closed = false;

  constructor(trusted: string | undefined) {
    this.#trusted = trusted;
  }

  /**
   * A connection that nobody else uses until it is given back.
   *
   * @param addresses the checked ones. An origin's are the same for the whole call.
   */
  take(target: Target, addresses: readonly Address[]): Connection {
    if (this.#closed) throw new EgressRefusal('failed', 'the call is over');
    const at = this.#idle.findLastIndex(({ origin }) => origin === target.origin);
    const [idle] = at < 0 ? [] : this.#idle.splice(at, 1);
    const connection = idle ?? new Connection(target, addresses, this.#trusted);
    connection.begin();
    this.#used.add(connection);
    return connection;
  }

  /** @param reusable whether its last request ended as it should. */
  giveBack(connection: Connection, reusable: boolean): void {
    if (!this.#used.delete(connection)) return;
    if (!reusable || this.#closed) {
      connection.discard();
      return;
    }
    this.#idle.push(connection);
    if (this.#idle.length > MAX_IDLE) this.#idle.shift()?.discard();
  }

  close(): void {
    this.#closed = true;
    for (const connection of [...this.#idle, ...this.#used]) connection.discard();
    this.#idle.length = 0;
    this.#used.clear();
  }
}
