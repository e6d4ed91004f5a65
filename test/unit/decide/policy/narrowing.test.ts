import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import {
  narrowDirectories,
  narrowGlob,
  narrowNet,
} from '../../../../src/decide/policy/narrowing.ts';
import type { NetRule } from '../../../../src/catalog/installation.ts';
import { compileGlob } from '../../../../src/trust/lease/glob.ts';
import type { HttpCapability } from '../../../../src/trust/lease/lease.ts';

const RULE: NetRule = {
  methods: ['GET'],
  scheme: 'https',
  host: 'api.example.com',
  port: 443,
  path: '/**',
};

describe('globs', () => {
  test('what is left matches nothing that either glob does not', () => {
    const segment = fc.constantFrom('a', 'b', 'ab', '*', '**', 'a*', 'a**', '');
    const glob = fc
      .array(segment, { minLength: 1, maxLength: 4 })
      .map((parts) => `/${parts.join('/')}`);
    const part = fc.constantFrom('a', 'b', 'ab', 'abc', '');
    const path = fc
      .array(part, { minLength: 1, maxLength: 5 })
      .map((parts) => `/${parts.join('/')}`);
    fc.assert(
      fc.property(glob, glob, fc.array(path, { maxLength: 20 }), (one, other, paths) => {
        const narrowed = narrowGlob(one, other);
        if (narrowed === undefined) return;
        const [left, first, second] = [narrowed, one, other].map((each) => compileGlob(each));
        for (const each of paths) {
          if (left?.(each) === true) expect([first?.(each), second?.(each)]).toEqual([true, true]);
        }
      }),
      { numRuns: 2000 },
    );
  });

  test.each([
    ['/**', '/v1/*', '/v1/*'],
    ['/v1/**', '/v1/items/*', '/v1/items/*'],
    ['/v1/*', '/v1/items', '/v1/items'],
    ['/v1/*/x', '/v1/a/*', '/v1/a/x'],
    ['/', '/**', '/'],
    ['/v1/**', '/v2/**', undefined],
    ['/v1', '/v1/**', undefined],
    ['/a*', '/*b', undefined],
  ])('%s and %s give %s', (one, other, narrowed) => {
    expect(narrowGlob(one, other)).toBe(narrowed);
    expect(narrowGlob(other, one)).toBe(narrowed);
  });
});

describe('net rules', () => {
  const ANY: HttpCapability = { type: 'http.call', methods: ['*'], origins: ['*'], paths: ['/**'] };
  const hostFor = (rule: Partial<NetRule>, origin: string): string | undefined =>
    narrowNet([{ ...RULE, ...rule }], [{ ...ANY, origins: [origin] }])[0]?.host;

  test.each([
    [{}, 'https://api.example.com', 'api.example.com'],
    [{}, 'https://api.example.com:443', 'api.example.com'],
    [{}, 'https://*.example.com', 'api.example.com'],
    [{ host: '*.example.com' }, 'https://api.example.com', 'api.example.com'],
    [{ host: '*.example.com' }, 'https://*.a.example.com', '*.a.example.com'],
    [{ host: '*.a.example.com' }, 'https://*.example.com', '*.a.example.com'],
    [{ host: '*.example.com' }, 'https://*.example.com', '*.example.com'],
    [{ host: '::1' }, 'https://[::1]', '::1'],
    [{}, 'http://api.example.com', undefined],
    [{}, 'https://api.example.com:444', undefined],
    [{}, 'https://example.com', undefined],
    [{}, 'https://evil-example.com', undefined],
    [{ host: 'evilexample.com' }, 'https://*.example.com', undefined],
    [{ host: 'example.com' }, 'https://*.example.com', undefined],
    [{ host: '*.example.com' }, 'https://example.com', undefined],
    [{ host: '*.example.com' }, 'https://*', '*.example.com'],
    [{ host: '10.0.0.0/8' }, 'https://10.1.2.3', undefined],
    [{}, 'https://api.example.com@evil.com', undefined],
    [{}, 'https://api.example.com/path', undefined],
    [{}, '', undefined],
  ])('%j under %s', (rule, origin, host) => {
    expect(hostFor(rule, origin)).toBe(host);
  });

  test('methods and paths are those of both; no capability is no rule', () => {
    const capability = { ...ANY, methods: ['GET', 'PUT'], paths: ['/a', '/b/*'] };
    expect(narrowNet([{ ...RULE, methods: ['GET', 'POST'] }], [capability])).toEqual([
      { ...RULE, path: '/a' },
      { ...RULE, path: '/b/*' },
    ]);
    expect(narrowNet([{ ...RULE, methods: ['POST'] }], [capability])).toEqual([]);
    expect(narrowNet([RULE], [])).toEqual([]);
    expect(narrowNet([RULE], [{ type: 'tool.call', tools: ['*'] }])).toEqual([]);
  });
});

describe('directories', () => {
  const DATA = { host: '/srv', guest: '/data' };
  test.each([
    ['/**', true],
    ['/data/**', true],
    ['/data/sub/**', false],
    ['/dat/**', false],
    ['/d*/**', false],
    ['/data', false],
    ['/data/*', false],
  ])('%s covers /data: %s', (glob, covered) => {
    const read = { type: 'fs.read', paths: [glob] } as const;
    expect(narrowDirectories([DATA], 'fs.read', [read])).toEqual(covered ? [DATA] : []);
    expect(narrowDirectories([DATA], 'fs.write', [read])).toEqual([]);
  });

  test('a directory below the one the capability names', () => {
    const inner = { host: '/srv/x', guest: '/data/x' };
    expect(
      narrowDirectories([inner], 'fs.read', [{ type: 'fs.read', paths: ['/data/**'] }]),
    ).toEqual([inner]);
  });
});
