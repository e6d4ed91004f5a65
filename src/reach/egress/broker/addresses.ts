// The addresses a request may be sent to: looked up once in a call, each checked for every request
// against rules and own listeners.

import { networkInterfaces } from 'node:os';
import {
  type Address,
  classOf,
  plain,
  readAddress,
  sameAddress,
} from '../../../catalog/address.ts';
import type { Listener } from '../messages.ts';
import { EgressRefusal } from '../refusal.ts';
import type { NetRules } from '../rules.ts';
import type { Target } from '../target.ts';

/** Gives the addresses of a name, as text. */
export type Resolve = (name: string) => Promise<readonly string[]>;

const MAX_ADDRESSES = 32;
/** Dialled in turn. */
const MAX_TRIED = 4;

/**
 * Checks every address a host stands for: one that is not covered refuses the request, since a name
 * that also stands for a forbidden address is not an honest one.
 *
 * @throws EgressRefusal `denied`.
 */
export function checkAddresses(
  addresses: readonly Address[],
  method: string,
  target: Target,
  rules: NetRules,
): void {
  for (const address of addresses) {
    if (!rules.coversAddress(method, target, address)) {
      throw new EgressRefusal(
        'denied',
        `\`${target.origin}\` leads to an address this call may not reach (denied by a rule, or ` +
          'loopback, private, link-local or special), unless a rule gives the address itself',
      );
    }
  }
}

/** @throws EgressRefusal `denied` when one of the addresses and the port are warder's own. */
export function assertNotOwn(
  addresses: readonly Address[],
  target: Target,
  forbidden: readonly Listener[],
): void {
  if (addresses.some((address) => isOwn(address, target.port, forbidden))) {
    throw new EgressRefusal('denied', `\`${target.origin}\` is warder's own`);
  }
}

/** Those of a host's addresses that are dialled, in turn. */
export function tried(addresses: readonly Address[]): readonly Address[] {
  return addresses.slice(0, MAX_TRIED);
}

/**
 * The addresses a target's host stands for: its own, or those its name is looked up to, once.
 *
 * @throws EgressRefusal `not-found`, or `denied` for an address that cannot be read.
 */
export async function addressesOf(target: Target, resolve: Resolve): Promise<readonly Address[]> {
  if (target.address !== undefined) return [target.address];
  let found: readonly string[];
  try {
    found = await resolve(target.host);
  } catch (cause) {
    throw new EgressRefusal('not-found', `\`${target.host}\` could not be looked up`, cause);
  }
  if (found.length === 0 || found.length > MAX_ADDRESSES) {
    throw new EgressRefusal('not-found', `\`${target.host}\` has ${found.length} addresses`);
  }
  return found.map((text) => {
    const address = readAddress(text);
    // A zone, or a form we cannot read: what we cannot check is not dialled.
    if (address !== undefined) return address;
    throw new EgressRefusal('denied', `\`${target.host}\` has an unreadable address`);
  });
}

function isOwn(address: Address, port: number, listeners: readonly Listener[]): boolean {
  return listeners.some((listener) => {
    if (listener.port !== port) return false;
    const bound = readAddress(listener.address);
    // A listener whose address cannot be read is taken to be everywhere.
    if (bound === undefined) return true;
    return sameAddress(bound, address) || (isEverywhere(bound) && isThisMachine(address));
  });
}

function isEverywhere(address: Address): boolean {
  return address.range() === 'unspecified';
}

function isThisMachine(address: Address): boolean {
  if (classOf(address) === 'never' || plain(address).range() === 'loopback') return true;
  return Object.values(networkInterfaces()).some((list) =>
    list?.some((entry) => {
      const own = readAddress(entry.address.replace(/%.*$/, ''));
      return own !== undefined && sameAddress(own, address);
    }),
  );
}
