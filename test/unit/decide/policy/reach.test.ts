import { expect, test } from 'vitest';
import { emptyGrant } from '../../../../src/catalog/grant.ts';
import type { Grant } from '../../../../src/catalog/installation.ts';
import { reachOf } from '../../../../src/decide/policy/reach.ts';
import { activeCapabilities } from '../../../../src/trust/lease/action.ts';
import type { Capability } from '../../../../src/trust/lease/lease.ts';

const SECOND = 1000;
const READ: Capability = { type: 'fs.read', paths: ['/a/**'] };
const WRITE: Capability = { type: 'fs.write', paths: ['/b/**'], notBefore: 10, notAfter: 20 };
const grant: Grant = {
  ...emptyGrant,
  read: [{ host: '/srv/a', guest: '/a' }],
  write: [{ host: '/srv/b', guest: '/b' }],
};

function frozen<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value;
  Object.values(value).forEach(frozen);
  return Object.freeze(value);
}

test('what cannot change is worked out once, for each lease of several', () => {
  const granted = frozen(structuredClone(grant));
  const one = frozen([structuredClone(READ)]);
  const other = frozen([structuredClone({ ...READ, paths: ['/x/**'] })]);
  const reach = reachOf(granted, one);
  expect(reach.read).toHaveLength(1);
  expect(reachOf(granted, other).read).toEqual([]);
  expect(reachOf(granted, one)).toBe(reach);
  expect(reachOf(frozen(structuredClone(grant)), one)).not.toBe(reach);
});

test('what can change is worked out anew', () => {
  const granted = structuredClone(grant) as { -readonly [Key in keyof Grant]: Grant[Key] };
  const capabilities = [READ];
  expect(reachOf(granted, capabilities).read).toHaveLength(1);
  capabilities.pop();
  expect(reachOf(granted, capabilities).read).toHaveLength(0);
  const lease = frozen([READ]);
  expect(reachOf(granted, lease).read).toHaveLength(1);
  granted.read = [];
  expect(reachOf(granted, lease).read).toHaveLength(0);
});

test('a capability reaches from its begin to its end, whatever is remembered', () => {
  const granted = frozen(structuredClone(grant));
  const capabilities = frozen([structuredClone(READ), structuredClone(WRITE)]);
  const writes = (second: number): number =>
    reachOf(granted, activeCapabilities(capabilities, second * SECOND)).write.length;
  expect([9, 9, 10, 19, 20, 9, 19, 20].map(writes)).toEqual([0, 0, 1, 1, 0, 0, 1, 0]);
  const before = activeCapabilities(capabilities, 9 * SECOND);
  expect(activeCapabilities(capabilities, 20 * SECOND)).toBe(before);
  expect(reachOf(granted, before)).toBe(reachOf(granted, before));
  expect(activeCapabilities(capabilities, 10 * SECOND)).toBe(capabilities);
});
