import { describe, expect, it } from 'vitest';
import {
  answerHeaders,
  guestHeaders,
  redirectedHeaders,
} from '../../../src/reach/egress/headers.ts';
import { parseTarget } from '../../../src/reach/egress/target.ts';

const target = parseTarget('https://a.example:8443/x');

describe("a guest's header fields", () => {
  it.each([
    'Connection',
    'Keep-Alive',
    'TE',
    'Trailer',
    'Transfer-Encoding',
    'Upgrade',
    'Expect',
    'Proxy-Authorization',
    'proxy-connection',
    'Authorization',
    'Cookie',
    'X-HTTP-Method-Override',
    'X-Original-URL',
    'X-Forwarded-For',
    'Forwarded',
  ])('%s is not theirs to set', (name) => {
    expect(() => guestHeaders([[name, 'x']], target, 0)).toThrow(
      expect.objectContaining({ code: 'denied' }),
    );
  });

  it.each([
    ['x\r\ny', 'v'],
    ['x', 'v\r\nHost: b'],
    ['x', 'v\nw'],
    ['x', 'v\0'],
    ['x', 'v\u0100'],
    ['', 'v'],
    ['a b', 'v'],
    ['a:', 'v'],
    ['ſ', 'v'],
  ])('%j: %j is malformed', (name, value) => {
    expect(() => guestHeaders([[name, value]], target, 0)).toThrow(
      expect.objectContaining({ code: 'invalid' }),
    );
  });

  it('that only repeat what the host sets are left out', () => {
    const same = [
      ['Host', 'a.example:8443'],
      ['Content-Length', '3'],
      ['Accept-Encoding', 'zstd'],
      ['X-Kept', ' yes '],
    ] as const;
    expect(guestHeaders(same, target, 3)).toEqual([['x-kept', 'yes']]);
  });

  it.each([
    ['Host', 'internal.example'],
    ['Content-Length', '4'],
    ['Content-Length', '3, 3'],
  ])('%s: %s contradicts the request', (name, value) => {
    expect(() => guestHeaders([[name, value]], target, 3)).toThrow(
      expect.objectContaining({ code: 'denied' }),
    );
  });

  it('are bounded in number and size', () => {
    const many = Array.from({ length: 65 }, (_, at) => [`x-${at}`, ''] as const);
    expect(() => guestHeaders(many, target, 0)).toThrow(expect.objectContaining({ code: 'limit' }));
    expect(() => guestHeaders([['x', 'v'.repeat(20_000)]], target, 0)).toThrow(
      expect.objectContaining({ code: 'limit' }),
    );
  });
});

it('credentials stay with their origin on a redirect', () => {
  const headers = [
    ['authorization', 'Bearer s'],
    ['cookie', 's'],
    ['content-type', 'text/plain'],
    ['accept', '*/*'],
  ] as const;
  const names = (sameOrigin: boolean, bodyDropped: boolean) =>
    redirectedHeaders(headers, { sameOrigin, bodyDropped }).map(([name]) => name);
  expect(names(true, false)).toEqual(['authorization', 'cookie', 'content-type', 'accept']);
  expect(names(false, false)).toEqual(['content-type', 'accept']);
  expect(names(false, true)).toEqual(['accept']);
});

it('a guest sees no hop-by-hop fields, cookies, or codings that were undone', () => {
  const headers = [
    ['connection', 'close, X-Private'],
    ['x-private', '1'],
    ['set-cookie', 's=1'],
    ['content-encoding', 'gzip'],
    ['content-length', '9'],
    ['etag', '"e"'],
  ] as const;
  expect(answerHeaders(headers, true)).toEqual([['etag', '"e"']]);
  expect(answerHeaders(headers, false).map(([name]) => name)).toEqual([
    'content-encoding',
    'content-length',
    'etag',
  ]);
});
