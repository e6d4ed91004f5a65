// The Extism side of the tool contract, through a real executor: host functions, HTTP, log, config.

import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Json } from '../../../src/base/encoding/json.ts';
import type { HostReply, HostRequest, RefusalCode } from '../../../src/run/sandbox/host-calls.ts';
import { createTestSandbox, fixture, type TestSandbox } from '../../support/sandbox.ts';

const probe = fixture('probe-plugin');
const encoder = new TextEncoder();

let box: TestSandbox;
let asked: HostRequest[] = [];
let reply: HostReply = { ok: true, value: {} };

beforeAll(async () => {
  box = await createTestSandbox({
    serve: (_permit, request) => {
      asked.push(request);
      return reply;
    },
  });
});
afterAll(() => box.sandbox.close());
beforeEach(() => {
  asked = [];
});

/** What the guest saw of one host function. */
async function use(name: string, request: Json, answer: HostReply): Promise<unknown> {
  reply = answer;
  const outcome = await box.call(probe, 'probe', { function: name, request });
  if (outcome.kind !== 'answered') throw new Error(JSON.stringify(outcome));
  return outcome.answer.structuredContent;
}

const ok = (value: Extract<HostReply, { ok: true }>['value'], text?: string): HostReply =>
  text === undefined ? { ok: true, value } : { ok: true, value, bytes: encoder.encode(text) };

describe('host functions', () => {
  const entries = [{ name: 'a', kind: 'file' as const }];
  const stat = { kind: 'file' as const, size: 3, modified: 5 };

  test.each<[string, Json, HostRequest, HostReply, Json]>([
    [
      'kv_get',
      { key: 'k' },
      { op: 'kv-get', key: 'k' },
      ok({ found: true }, 'v'),
      { value: 'dg==' },
    ],
    ['kv_get', { key: '' }, { op: 'kv-get', key: '' }, ok({ found: false }), { value: null }],
    ['kv_get', { key: 'k' }, { op: 'kv-get', key: 'k' }, ok({ found: true }, ''), { value: '' }],
    [
      'kv_delete',
      { key: 'k' },
      { op: 'kv-delete', key: 'k' },
      ok({ deleted: true }),
      { deleted: true },
    ],
    [
      'kv_list',
      { prefix: 'p' },
      { op: 'kv-list', prefix: 'p' },
      ok({ keys: ['pa'] }),
      { keys: ['pa'] },
    ],
    ['file_roots', {}, { op: 'file-roots' }, ok({ roots: ['/data'] }), { roots: ['/data'] }],
    ['file_stat', { path: '/d' }, { op: 'file-stat', path: '/d' }, ok(stat), { ...stat }],
    ['file_list', { path: '/d' }, { op: 'file-list', path: '/d' }, ok({ entries }), { entries }],
    [
      'file_read',
      { path: '/d/a', offset: 2, length: 9 },
      { op: 'file-read', path: '/d/a', offset: 2, length: 9 },
      ok({}, 'abc'),
      { data: 'YWJj' },
    ],
  ])('%s %j', async (name, request, expected, answer, seen) => {
    expect(await use(name, request, answer)).toEqual({ ok: seen });
    expect(asked).toEqual([expected]);
  });

  test('bytes travel as they are', async () => {
    const value = Buffer.from([0, 255, 10, 13, 128]);
    await use('kv_set', { key: 'k', value: value.toString('base64') }, ok({}));
    await use('file_write', { path: '/out/a', data: value.toString('base64') }, ok({}));
    const [set, write] = asked;
    if (set?.op !== 'kv-set' || write?.op !== 'file-write') throw new Error('not asked');
    expect(Buffer.from(set.value)).toEqual(value);
    expect(Buffer.from(write.data)).toEqual(value);
  });

  test.each<RefusalCode>(['denied', 'limit', 'not-found', 'invalid', 'failed'])(
    'a refusal `%s` reaches the guest with its message',
    async (code) => {
      const seen = await use('kv_get', { key: 'k' }, { ok: false, code, message: 'because' });
      expect(seen).toEqual({ error: { code, message: 'because' } });
    },
  );

  test.each<[string, Json]>([
    ['kv_get', {}],
    ['kv_get', { key: 1 }],
    ['kv_get', []],
    ['kv_get', 'key'],
    ['kv_set', { key: 'k', value: '<not base64>' }],
    ['file_read', { path: '/d', offset: -1, length: 1 }],
    ['file_read', { path: '/d', offset: 0, length: 1.5 }],
    ['file_read', { path: '/d', offset: 0, length: '1' }],
  ])('%s %j is invalid and reaches nobody', async (name, request) => {
    expect(await use(name, request, ok({}))).toMatchObject({ error: { code: 'invalid' } });
    expect(asked).toEqual([]);
  });

  test('offsets and lengths that are none, blocks that are no JSON', async () => {
    reply = ok({ found: false });
    expect(await box.call(fixture('host-garbage'), 'host-garbage', {})).toMatchObject({
      kind: 'answered',
      answer: { content: [{ text: 'still here' }] },
    });
    expect(asked).toEqual([]);
  });
});

describe('http_request', () => {
  const request = {
    method: 'post',
    url: 'http://example.test/a',
    headers: { 'X-One': '1', __proto__x: '2' },
  };

  test('goes to the host, never to a fetch of its own', async () => {
    const seen = await use('http', request, ok({ status: 201, headers: [['A', 'b']] }, 'made'));
    expect(seen).toEqual({ status: 201, body: 'made' });
    expect(asked).toHaveLength(1);
    const [http] = asked;
    if (http?.op !== 'http') throw new Error('not asked');
    expect({ ...http, body: http.body.length }).toEqual({
      op: 'http',
      method: 'POST',
      url: 'http://example.test/a',
      headers: [
        ['X-One', '1'],
        ['__proto__x', '2'],
      ],
      body: 0,
    });
  });

  test.each<[RefusalCode, number]>([
    ['denied', 403],
    ['limit', 429],
    ['failed', 502],
    ['invalid', 400],
  ])('a refusal `%s` is a response with status %d', async (code, status) => {
    const seen = await use('http', request, { ok: false, code, message: 'the rules say no' });
    expect(seen).toEqual({ status, body: 'the rules say no' });
  });

  test('what is no request is answered in the executor', async () => {
    expect(await use('http', { method: 'GET' }, ok({}))).toMatchObject({ status: 400 });
    expect(asked).toEqual([]);
  });
});

describe('log', () => {
  async function logged(name: string): Promise<[string, string][]> {
    const lines: [string, string][] = [];
    const outcome = await box.call(
      fixture(name),
      name,
      {},
      {
        onLog: (level, message) => void lines.push([level, message]),
      },
    );
    expect(outcome.kind).toBe('answered');
    return lines;
  }

  test('a line with breaks and escapes is one line, as it came', async () => {
    const [line, ...more] = await logged('log-forge');
    expect(more).toEqual([]);
    expect(line?.[0]).toBe('info');
    expect(line?.[1]).toContain('first\n{"jsonrpc"');
  });

  test('what is written to stdout through WASI is log, not protocol', async () => {
    const lines = await logged('stdout-forge');
    expect(lines[0]).toEqual(['info', '{"jsonrpc":"2.0","id":1,"result":{"forged":true}}']);
  });
});

test('a path that climbs through WASI opens nothing, and the host is not asked', async () => {
  const read = [{ host: '/nowhere', guest: '/data' }];
  expect(
    await box.call(fixture('path-escape'), 'path-escape', {}, { terms: { read } }),
  ).toMatchObject({ kind: 'answered', answer: { content: [{ text: 'refused' }] } });
  expect(asked).toEqual([]);
});

test('a call whose permit ran out while it waited for an executor never starts', async () => {
  const terms = { expiresAt: Date.now() - 1 };
  const late = await box.call(probe, 'probe', { function: 'kv_get', request: {} }, { terms });
  expect(late).toMatchObject({ kind: 'limit', limit: 'deadline', usage: { wallMs: 0 } });
  expect(asked).toEqual([]);
});
