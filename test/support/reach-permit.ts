// Permits for tests of the rooms that act on them.

import { defaultLimits } from '../../src/catalog/grant.ts';
import type { NetRule } from '../../src/catalog/installation.ts';
import { makePermit, type Permit, type PermitTerms } from '../../src/decide/policy/permit.ts';

/** A permit that allows nothing but what `terms` says. */
export function reachPermit(terms: Partial<PermitTerms> = {}): Permit {
  return makePermit({
    callId: 'call_1',
    tenant: 'default',
    principal: 'agent',
    tool: 'probe',
    callDigest: '00',
    installation: { id: 'inst_1', name: 'probe', digest: 'd1' },
    lease: 'l1',
    allowNet: [],
    denyNet: [],
    read: [],
    write: [],
    env: {},
    kv: false,
    config: {},
    secrets: [],
    unsafeNoJail: false,
    limits: callLimits(),
    expiresAt: Date.now() + 3_600_000,
    ...terms,
  });
}

export function callLimits(netBytes: number = 10 << 20): PermitTerms['limits'] {
  return { ...defaultLimits, netBytes };
}

/** `METHOD[,METHOD] scheme://host:port/path-glob` as the catalog would parse it. */
export function netRule(text: string): NetRule {
  const [, methods, scheme, host, port, path] =
    /^(\S+) (https?):\/\/(\[[^\]]+\](?:\/\d+)?|[^:/]+(?:\/\d+)?)(?::(\d+))?(\/.*)$/.exec(text) ??
    [];
  if (methods === undefined || host === undefined || path === undefined) {
    throw new TypeError(`not a rule: ${text}`);
  }
  const secure = scheme === 'https';
  return {
    methods: methods.split(','),
    scheme: secure ? 'https' : 'http',
    host: host.replace(/^\[(.*)\]/, '$1'),
    port: port === undefined ? (secure ? 443 : 80) : Number(port),
    path,
  };
}
