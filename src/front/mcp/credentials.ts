// What a request brings along to say who asks: taken out of it before anything else sees the request.

import type { JSONRPCMessage } from '@modelcontextprotocol/server';
import { WarderError } from '../../base/errors/errors.ts';
import { metaKeys } from './meta-keys.ts';

/** Texts as sent; nothing about them is known yet. */
export interface Credentials {
  /** A lease, with those it was made from. */
  readonly lease?: string;
  /** Proof of possession of that lease, for one call. */
  readonly proof?: string;
  /** A JWT of an issuer. */
  readonly identity?: string;
  /** Why what was sent cannot be read; whoever sent it is refused. */
  readonly fault?: WarderError;
}

/** Nothing was sent. */
export const noCredentials: Credentials = Object.freeze({});

const NAMES = ['lease', 'proof', 'identity'] as const;
/** What they are called in the lines of warder's own protocols. */
export const LINE_NAMES = { lease: 'lease', proof: 'proof', identity: 'identity' } as const;
const KNOWN: ReadonlySet<string> = new Set(Object.values(metaKeys));
/** Requests that somebody has to be allowed. */
const TAKERS: ReadonlySet<string> = new Set(['tools/call', 'tools/list']);
/** Credentials of requests under way, on one connection. */
const WAITING_MAX = 256;
/** Stands in `_meta` in the place of what was taken out. */
const TICKET = 'warder/ticket';

/** Reads credentials among the members of an object; a member that is no text is a fault. */
export function readCredentials(
  fields: Readonly<Record<string, unknown>>,
  keys: Readonly<Record<(typeof NAMES)[number], string>>,
): Credentials {
  const found: { -readonly [Key in keyof Credentials]: Credentials[Key] } = {};
  for (const name of NAMES) {
    const value = fields[keys[name]];
    if (value === undefined) continue;
    if (typeof value === 'string' && value !== '') found[name] = value;
    else found.fault = fault(`\`${keys[name]}\` is no text`);
  }
  return found;
}

/** The credentials of the messages of one connection. */
export class CredentialDesk {
  readonly #waiting = new Map<number, Credentials>();
  readonly #bind: (credentials: Credentials) => void;
  #next = 0;

  /** @param bind is handed what comes with `initialize`, which holds for the whole session. */
  constructor(bind: (credentials: Credentials) => void) {
    this.#bind = bind;
  }

  /** Takes the credentials out of a message that came in. */
  strip(message: JSONRPCMessage): JSONRPCMessage {
    if (!('method' in message)) return message;
    const meta: unknown = message.params?.['_meta'];
    if (typeof meta !== 'object' || meta === null) return message;
    const fields = meta as Readonly<Record<string, unknown>>;
    let credentials = readCredentials(fields, metaKeys);
    const kept: Record<string, unknown> = {};
    let others = 0;
    for (const [name, value] of Object.entries(fields)) {
      if (name === metaKeys.lease || name === metaKeys.proof || name === metaKeys.identity)
        continue;
      if (isCredentialLike(name)) {
        credentials = { ...credentials, fault: fault(`\`_meta\` has an unknown key of ours`) };
        continue;
      }
      Object.defineProperty(kept, name, { value, enumerable: true });
      others += 1;
    }
    if (others === Object.keys(fields).length) return message;
    if (!('id' in message)) return { ...message, params: { ...message.params, _meta: kept } };
    if (message.method === 'initialize') this.#bind(credentials);
    else if (TAKERS.has(message.method)) kept[TICKET] = this.#keep(credentials);
    return { ...message, params: { ...message.params, _meta: kept } };
  }

  /** What came with a request, once. */
  take(meta: Readonly<Record<string, unknown>> | undefined): Credentials {
    const ticket = meta?.[TICKET];
    if (typeof ticket !== 'number') return noCredentials;
    const credentials = this.#waiting.get(ticket);
    this.#waiting.delete(ticket);
    return credentials ?? { fault: fault('they are gone') };
  }

  #keep(credentials: Credentials): number {
    // A request that is refused before its handler never comes for its own.
    if (this.#waiting.size >= WAITING_MAX) {
      for (const oldest of this.#waiting.keys()) {
        this.#waiting.delete(oldest);
        break;
      }
    }
    this.#next += 1;
    this.#waiting.set(this.#next, credentials);
    return this.#next;
  }
}

/** Ours but unknown, the ticket among them, or what other protocols call a credential. */
function isCredentialLike(name: string): boolean {
  if (KNOWN.has(name)) return false;
  const lower = name.toLowerCase();
  return lower.startsWith('warder/') || lower === 'authorization' || lower === 'x-lease-token';
}

function fault(why: string): WarderError {
  return new WarderError('malformed', `the credentials cannot be read: ${why}`, {
    hint: 'send a lease in `_meta["x-lease-token"]`, with `_meta["warder/proof"]` if it is bound to a key',
  });
}
