// Opens a connection to an address that was checked, and checks where it arrived.

import type { Socket } from 'node:net';
import { buildConnector } from 'undici';
import { type Address, readAddress, sameAddress } from '../../../catalog/address.ts';
import { EgressRefusal } from '../refusal.ts';
import type { Target } from '../target.ts';

export interface ConnectOptions {
  /** Addresses to try in turn; each was checked. */
  readonly addresses: readonly Address[];
  /** PEM certificates to trust instead of the system's, if any. */
  readonly trusted?: string | undefined;
  /** Given each socket as it begins to be dialled, so that it can be ended. */
  readonly dialled: (socket: Socket) => void;
}

/**
 * A connector for undici that ignores the name it is given: it dials the checked addresses only, so
 * that no second look-up and no literal can lead elsewhere, and hands out a socket only when its
 * remote address is the one dialled. TLS still names, and checks, the URL's host. Sets no time-out.
 */
export function pinnedConnector(target: Target, options: ConnectOptions): buildConnector.connector {
  const connect = buildConnector({
    allowH2: true,
    maxCachedSessions: 0,
    autoSelectFamily: false,
    rejectUnauthorized: true,
    timeout: 0,
    // Only addresses are dialled; a look-up would mean that one was not.
    lookup: (name, _options, callback) => {
      callback(new Error(`\`${name}\` would be looked up again`), '', 0);
    },
    ...(options.trusted === undefined ? {} : { ca: options.trusted }),
  });

  return (_given, callback) => {
    const dial = (at: number, failure: Error): void => {
      const address = options.addresses[at];
      if (address === undefined) {
        callback(failure, null);
        return;
      }
      const done: buildConnector.Callback = (error, socket) => {
        if (error !== null) {
          dial(at + 1, error);
          return;
        }
        const remote = readAddress(socket.remoteAddress ?? '');
        if (
          remote === undefined ||
          !sameAddress(remote, address) ||
          socket.remotePort !== target.port
        ) {
          socket.destroy();
          callback(new EgressRefusal('denied', 'the connection arrived at another address'), null);
          return;
        }
        callback(null, socket);
      };
      const socket: unknown = connect(
        {
          hostname: address.toString(),
          host: target.authority,
          protocol: `${target.scheme}:`,
          port: String(target.port),
          // For plain HTTP undici would take it as a name to dial.
          ...(target.scheme === 'https' && target.address === undefined
            ? { servername: target.host }
            : {}),
        },
        done,
      );
      options.dialled(socket as Socket);
    };
    dial(0, new EgressRefusal('failed', 'there is no address to connect to'));
  };
}
