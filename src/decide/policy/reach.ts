// What a call can reach at most: the operator's grant, as far as the lease's capabilities let it.

import type { DirectoryGrant, Grant, NetRule } from '../../catalog/installation.ts';
import type { Capability } from '../../trust/lease/lease.ts';
import { narrowDirectories, narrowNet, narrowSecrets } from './narrowing.ts';
import { sealPart } from './permit.ts';

/** The reach of one grant under one lease; every part is sealed. */
export interface Reach {
  readonly allowNet: readonly NetRule[];
  /** Denials only tighten, so all of the grant's stay. */
  readonly denyNet: readonly NetRule[];
  readonly read: readonly DirectoryGrant[];
  readonly write: readonly DirectoryGrant[];
  readonly kv: boolean;
  readonly env: Readonly<Record<string, string>>;
  readonly config: Readonly<Record<string, string>>;
  readonly secrets: Grant['secrets'];
  readonly unsafeNoJail: boolean;
  readonly limits: Grant['limits'];
}

/** Reaches of a grant and capabilities that cannot change any more, as long as both are in use. */
const remembered = new WeakMap<Grant, WeakMap<readonly Capability[], Reach>>();

/** Grant ∩ lease. What cannot be expressed as rules of a permit is left out: it reaches less, never more. */
export function reachOf(grant: Grant, capabilities: readonly Capability[]): Reach {
  const known = remembered.get(grant)?.get(capabilities);
  if (known !== undefined) return known;
  const reach: Reach = Object.freeze({
    allowNet: sealPart(narrowNet(grant.allowNet, capabilities)),
    denyNet: sealPart(grant.denyNet),
    read: sealPart(narrowDirectories(grant.read, 'fs.read', capabilities)),
    write: sealPart(narrowDirectories(grant.write, 'fs.write', capabilities)),
    kv: grant.kv,
    env: sealPart(grant.env),
    config: sealPart(grant.config),
    secrets: sealPart(narrowSecrets(grant.secrets, capabilities)),
    unsafeNoJail: grant.unsafeNoJail,
    limits: sealPart(grant.limits),
  });
  if (isDeeplyFrozen(grant) && isDeeplyFrozen(capabilities)) {
    const reaches = remembered.get(grant) ?? new WeakMap<readonly Capability[], Reach>();
    remembered.set(grant, reaches.set(capabilities, reach));
  }
  return reach;
}

/** What of a reach a person is shown. */
export type ShownReach = Pick<
  Reach,
  'allowNet' | 'denyNet' | 'read' | 'write' | 'secrets' | 'kv' | 'limits'
>;

/** What the reach lets a tool do, one line each, for the person who is asked. */
export function effectsOf(reach: Omit<ShownReach, 'limits'>): readonly string[] {
  return [
    ...reach.allowNet.map(
      ({ methods, scheme, host, port, path }) =>
        `request ${methods.join(', ')} ${scheme}://${host.includes(':') ? `[${host}]` : host}:${port}${path}`,
    ),
    ...reach.denyNet.map(
      ({ methods, scheme, host, port, path }) =>
        `but not ${methods.join(', ')} ${scheme}://${host.includes(':') ? `[${host}]` : host}:${port}${path}`,
    ),
    ...reach.read.map(({ guest, host }) => `read files under ${guest} (${host} here)`),
    ...reach.write.map(({ guest, host }) => `write files under ${guest} (${host} here)`),
    ...reach.secrets.map(
      ({ secret, to }) =>
        `send the secret ${secret} to ${to.scheme}://${to.host}:${to.port}${to.path}`,
    ),
    ...(reach.kv ? ['keep data between calls in its own store'] : []),
  ];
}

function isDeeplyFrozen(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return true;
  return Object.isFrozen(value) && Object.values(value).every(isDeeplyFrozen);
}
