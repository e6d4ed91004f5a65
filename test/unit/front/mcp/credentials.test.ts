// Credentials leave a message before anybody else reads it, and come back to its own handler once.

import type { JSONRPCMessage } from '@modelcontextprotocol/server';
import { expect, test } from 'vitest';
import { CredentialDesk, type Credentials } from '../../../../src/front/mcp/credentials.ts';

const META = { 'x-lease-token': 'L', 'warder/proof': 'P', progressToken: 7, 'other/key': { a: 1 } };
const request = (method: string, meta: object, id: number | undefined = 1): JSONRPCMessage =>
  ({
    jsonrpc: '2.0',
    ...(id === undefined ? {} : { id }),
    method,
    params: { name: 'x', _meta: meta },
  }) as JSONRPCMessage;
const metaOf = (message: JSONRPCMessage): Record<string, unknown> =>
  (message as unknown as { params: { _meta: Record<string, unknown> } }).params._meta;

function openDesk(): { desk: CredentialDesk; bound: Credentials[] } {
  const bound: Credentials[] = [];
  return { desk: new CredentialDesk((credentials) => bound.push(credentials)), bound };
}

test.each(['tools/call', 'tools/list', 'ping', 'initialize', 'no/such'])(
  '`%s` goes on without them, and with everything else',
  (method) => {
    const { desk } = openDesk();
    const meta = metaOf(desk.strip(request(method, META)));
    expect(JSON.stringify(meta)).not.toMatch(/"[LP]"/);
    expect(meta).toMatchObject({ progressToken: 7, 'other/key': { a: 1 } });
  },
);

test('a notification goes on without them as well', () => {
  const { desk, bound } = openDesk();
  const sent = { jsonrpc: '2.0', method: 'notifications/x', params: { _meta: META } } as const;
  expect(metaOf(desk.strip(sent))).toEqual({ progressToken: 7, 'other/key': { a: 1 } });
  expect(bound).toEqual([]);
});

test('each request gets its own, once', () => {
  const { desk } = openDesk();
  const [one, two] = ['A', 'B'].map((text) =>
    // The same id twice: what a client may get wrong.
    metaOf(desk.strip(request('tools/call', { 'x-lease-token': text }))),
  );
  expect(desk.take(two)).toEqual({ lease: 'B' });
  expect(desk.take(one)).toEqual({ lease: 'A' });
  expect(desk.take(one).fault).toBeDefined();
  expect(desk.take(undefined)).toEqual({});
  expect(desk.take({ progressToken: 1 })).toEqual({});
});

test('what comes with `initialize` is for the session', () => {
  const { desk, bound } = openDesk();
  const meta = metaOf(desk.strip(request('initialize', META)));
  expect(bound).toEqual([{ lease: 'L', proof: 'P' }]);
  expect(desk.take(meta)).toEqual({});
});

test('a message without any is handed on as it is', () => {
  const { desk } = openDesk();
  const message = request('tools/call', { progressToken: 1 });
  expect(desk.strip(message)).toBe(message);
});

test('`__proto__` stays a name', () => {
  const { desk } = openDesk();
  const meta = JSON.parse('{"__proto__":{"polluted":1},"x-lease-token":"L"}') as object;
  const kept = metaOf(desk.strip(request('ping', meta)));
  expect(Object.hasOwn(kept, '__proto__')).toBe(true);
  expect(Object.getPrototypeOf(kept)).toBe(Object.prototype);
});

test('requests that never come for theirs are not kept without bound', () => {
  const { desk } = openDesk();
  const metas = Array.from({ length: 300 }, (_, at) =>
    metaOf(desk.strip(request('tools/call', { 'x-lease-token': `L${at}` }))),
  );
  expect(desk.take(metas[0]).fault).toBeDefined();
  expect(desk.take(metas[299])).toEqual({ lease: 'L299' });
});
