import { describe, expect, it } from 'vitest';
import { locate, parseGuestPath } from '../../../src/reach/files/broker/guest-path.ts';

describe('guest paths have one spelling', () => {
  it.each([
    '',
    'data',
    './data',
    '//data',
    '/data/',
    '/data//x',
    '/data/.',
    '/data/..',
    '/data/../etc',
    '/./data',
    '/data\\..\\x',
    '/data/x\0.txt',
    '/data/x\n',
    '/data/x\u0085',
    '/data/\ud800',
    `/${'a'.repeat(256)}`,
    `/${'é'.repeat(128)}`,
    `/${'a/'.repeat(2048)}a`,
    'file:///data/x',
  ])('%j is refused', (path) => {
    expect(() => parseGuestPath(path)).toThrow(expect.objectContaining({ code: 'invalid' }));
  });

  it.each([
    ['/', []],
    ['/data/x.txt', ['data', 'x.txt']],
    ['/data/%2e%2e/x', ['data', '%2e%2e', 'x']],
    ['/data/...', ['data', '...']],
    ['/data/ü 文', ['data', 'ü 文']],
    ['/__proto__/constructor', ['__proto__', 'constructor']],
  ])('%j is taken as it stands', (path, names) => {
    expect(parseGuestPath(path)).toEqual(names);
  });

  it('hides the names of files that are being written', () => {
    const name = `.warder-${'0'.repeat(32)}.tmp`;
    expect(() => parseGuestPath(`/data/${name}`)).toThrow(
      expect.objectContaining({ code: 'not-found' }),
    );
  });
});

describe('the granted directory of a path', () => {
  const grants = [
    { host: '/h/data', guest: '/data' },
    { host: '/h/special', guest: '/data/special' },
  ];

  it.each([
    ['/data', '/h/data', []],
    ['/data/x', '/h/data', ['x']],
    ['/data/special', '/h/special', []],
    ['/data/special/y/z', '/h/special', ['y', 'z']],
    ['/data/specials', '/h/data', ['specials']],
  ])('of %s is %s', (path, host, names) => {
    const place = locate(path, grants, 'remedy');
    expect(place.grant.host).toBe(host);
    expect(place.names).toEqual(names);
  });

  it.each(['/', '/dat', '/database', '/DATA/x', '/etc/passwd'])('there is none for %s', (path) => {
    expect(() => locate(path, grants, 'the remedy')).toThrow(
      expect.objectContaining({
        code: 'denied',
        message: expect.stringContaining('the remedy') as string,
      }),
    );
  });

  it('may be the root of all guest paths', () => {
    const place = locate('/a/b', [{ host: '/h', guest: '/' }], '');
    expect(place.names).toEqual(['a', 'b']);
  });
});
