import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { describe, expect, test } from 'vitest';

import {
  assertPermit,
  makePermit,
  Permit,
  type PermitTerms,
} from '../../../../src/decide/policy/permit.ts';
import { NOTHING_GRANTED } from '../../../support/decision.ts';

const terms: PermitTerms = {
  ...NOTHING_GRANTED,
  callId: 'call_1',
  tenant: 'default',
  principal: 'alice',
  tool: 't',
  callDigest: '0',
  installation: { id: 'i', name: 'n', digest: 'd' },
  lease: 'l',
  read: [{ host: '/srv', guest: '/data' }],
  env: { A: '1' },
  expiresAt: 1,
};

describe('a permit cannot be made elsewhere', () => {
  const real = makePermit(terms);
  class Look extends Permit {}
  const Maker = real.constructor as unknown as new (...args: unknown[]) => Permit;

  test.each([
    ['a literal', (): unknown => ({ terms: real.terms })],
    ['an object with its prototype', (): unknown => Object.create(Permit.prototype)],
    ['a copy', (): unknown => Object.assign(Object.create(Permit.prototype) as object, real)],
    ['a structured clone', (): unknown => structuredClone({ ...real })],
    ['a proxy', (): unknown => new Proxy(real, {})],
    ['nothing', (): unknown => undefined],
  ])('%s', (_, forge) => {
    expect(() => assertPermit(forge())).toThrow('not a permit of this process');
  });

  test('with its constructor, by a subclass, or by guessing the key', () => {
    expect(() => new Maker(terms, Symbol('permit maker'))).toThrow(TypeError);
    expect(() => new Maker(terms)).toThrow(TypeError);
    expect(() => new (Look as unknown as typeof Maker)(terms)).toThrow(TypeError);
    expect(() => Reflect.construct(Permit, [terms, undefined], Look)).toThrow(TypeError);
  });

  test('only decide.ts takes the maker', () => {
    const source = join(import.meta.dirname, '../../../../src');
    const takers = readdirSync(source, { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts'))
      .filter((name) => readFileSync(join(source, name), 'utf8').includes('makePermit'));
    expect(takers.sort()).toEqual(['decide/policy/decide.ts', 'decide/policy/permit.ts']);
  });
});

describe('a permit cannot be changed', () => {
  test('not through the terms it was made from', () => {
    const read = [{ host: '/srv', guest: '/data' }];
    const env = { A: '1' };
    const permit = makePermit({ ...terms, read, env });
    read.push({ host: '/', guest: '/all' });
    Object.assign(read[0] ?? {}, { host: '/' });
    Object.assign(env, { B: '2' });
    expect(permit.terms.read).toEqual([{ host: '/srv', guest: '/data' }]);
    expect(permit.terms.env).toEqual({ A: '1' });
  });

  test('not even when what it was made from looked frozen', () => {
    const inner = { host: '/srv', guest: '/data' };
    const permit = makePermit({ ...terms, read: Object.freeze([inner]) });
    inner.host = '/';
    expect(permit.terms.read[0]?.host).toBe('/srv');
  });

  test('not by writing to it', () => {
    const permit = makePermit(terms);
    const frozen = (value: unknown): boolean =>
      typeof value !== 'object' ||
      value === null ||
      (Object.isFrozen(value) && Object.values(value).every(frozen));
    expect(frozen(permit)).toBe(true);
    assertPermit(permit);
  });

  test('parts that are sealed already are shared, not copied', () => {
    const first = makePermit(terms);
    const second = makePermit({ ...first.terms, callId: 'call_2' });
    expect(second.terms.read).toBe(first.terms.read);
    expect(second.terms.limits).toBe(first.terms.limits);
  });
});
