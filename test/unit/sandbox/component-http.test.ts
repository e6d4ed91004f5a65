// wasi:http as the glue calls it: when requests leave, bodies in parts both ways, what is dropped early.

import { describe, expect, test } from 'vitest';
import { ErrResult } from '../../../src/run/sandbox/executor/component/err-result.ts';
import { makeHttp } from '../../../src/run/sandbox/executor/component/http.ts';
import {
  FutureTrailers,
  IncomingBody,
  OutgoingBody,
} from '../../../src/run/sandbox/executor/component/http-bodies.ts';
import type { Tagged } from '../../../src/run/sandbox/executor/component/http-exchange.ts';
import { Fields } from '../../../src/run/sandbox/executor/component/http-fields.ts';
import type {
  InputStream,
  IoError,
  OutputStream,
  Pollable,
} from '../../../src/run/sandbox/executor/component/io.ts';
import type { HostReply, HostRequest } from '../../../src/run/sandbox/host-calls.ts';
import { type FakeHost, fakeHost } from './host-fake.ts';

interface Request {
  setMethod(method: Tagged): void;
  setAuthority(authority: string): void;
  setPathWithQuery(path: string): void;
  body(): OutgoingBody;
}
interface Response extends Disposable {
  status(): number;
  consume(): IncomingBody;
}
interface Future {
  subscribe(): Pollable;
  get(): { readonly val: { readonly tag: string; readonly val: unknown } } | undefined;
}
interface Http {
  readonly 'wasi:http/types': {
    readonly OutgoingRequest: new (fields: Fields) => Request;
    readonly httpErrorCode: (error: IoError) => Tagged | undefined;
  };
  readonly 'wasi:http/outgoing-handler': { handle(request: Request): Future };
}

const KiB = 1024;

function guest(answers: Partial<Record<HostRequest['op'], HostReply>> = {}): {
  readonly host: FakeHost;
  readonly http: Http;
  readonly ops: () => string[];
  readonly request: (method: string) => Request;
} {
  const host = fakeHost(answers);
  const http = makeHttp(host) as unknown as Http;
  return {
    host,
    http,
    ops: () => host.requests.map(({ op }) => op),
    request: (method) => {
      const request = new http['wasi:http/types'].OutgoingRequest(new Fields());
      request.setMethod({ tag: method });
      request.setAuthority('a.example');
      request.setPathWithQuery('/x');
      return request;
    },
  };
}

/** The response, or the error code. */
function answerOf(future: Future): { readonly response?: Response; readonly error?: Tagged } {
  future.subscribe().block();
  const { tag, val } = future.get()?.val ?? { tag: 'none', val: undefined };
  return tag === 'ok' ? { response: val as Response } : { error: val as Tagged };
}

function responseOf(future: Future): Response {
  const { response, error } = answerOf(future);
  if (response === undefined) throw new Error(`no response: ${error?.tag ?? ''}`);
  return response;
}

function textOf(stream: InputStream): string {
  let text = '';
  for (;;) {
    try {
      text += new TextDecoder().decode(stream.blockingRead(1000n));
    } catch (thrown) {
      if (thrown instanceof ErrResult) return text;
      throw thrown;
    }
  }
}

/** The error case of a call. */
function caught(work: () => unknown): unknown {
  try {
    work();
  } catch (thrown) {
    if (thrown instanceof ErrResult) return thrown.payload;
    throw thrown;
  }
  return undefined;
}

describe('a response', () => {
  test('arrives as it is read, and is over when all of it was', () => {
    const { http, ops, request } = guest();
    const future = http['wasi:http/outgoing-handler'].handle(request('get'));
    expect(ops()).toEqual([]);
    const response = responseOf(future);
    expect(response.status()).toBe(201);
    expect(ops()).toEqual(['http-open', 'http-finish']);
    const body = response.consume();
    const stream = body.stream();
    expect(new TextDecoder().decode(stream.read(4n))).toBe('GET ');
    expect(ops()).toEqual(['http-open', 'http-finish', 'http-read']);
    expect(textOf(stream)).toBe('https://a.example/x ');
    stream[Symbol.dispose]();
    expect(IncomingBody.finish(body)).toBeInstanceOf(FutureTrailers);
    expect(ops().filter((op) => op === 'http-close')).toEqual([]);
  });

  test.each(['response', 'body', 'stream'])('dropped with its %s, it is not fetched', (what) => {
    const { http, ops, request } = guest();
    const response = responseOf(http['wasi:http/outgoing-handler'].handle(request('get')));
    if (what === 'response') {
      response[Symbol.dispose]();
    } else {
      const body = response.consume();
      response[Symbol.dispose]();
      const stream = body.stream();
      expect(ops()).toEqual(['http-open', 'http-finish']);
      (what === 'body' ? body : stream)[Symbol.dispose]();
      body[Symbol.dispose]();
    }
    expect(ops()).toEqual(['http-open', 'http-finish', 'http-close']);
  });

  test('that breaks off tells why, once and for all', () => {
    const refusal = { ok: false, code: 'limit', message: 'the bytes are used up' } as const;
    const { http, ops, request } = guest({ 'http-read': refusal });
    const response = responseOf(http['wasi:http/outgoing-handler'].handle(request('get')));
    const stream = response.consume().stream();
    const told = caught(() => stream.read(10n)) as { readonly tag: string; readonly val: IoError };
    expect(told.tag).toBe('last-operation-failed');
    expect(told.val.toDebugString()).toBe('the bytes are used up');
    expect(http['wasi:http/types'].httpErrorCode(told.val)?.tag).toBe('HTTP-response-body-size');
    expect(caught(() => stream.read(10n))).toEqual({ tag: 'closed' });
    stream[Symbol.dispose]();
    expect(ops()).toEqual(['http-open', 'http-finish', 'http-read']);
  });

  test('the ninth at a time comes whole, so that none is refused for its number', () => {
    const { http, host, request } = guest();
    const handle = (): Response =>
      responseOf(http['wasi:http/outgoing-handler'].handle(request('get')));
    const held = Array.from({ length: 9 }, handle);
    expect(host.requests.filter(({ op }) => op === 'http-open')).toHaveLength(8);
    const [first, ...rest] = held as [Response, ...Response[]];
    for (const each of rest) {
      expect(textOf(each.consume().stream())).toBe('GET https://a.example/x ');
    }
    first[Symbol.dispose]();
    handle();
    expect(host.requests.filter(({ op }) => op === 'http-open')).toHaveLength(9);
  });
});

describe('a body', () => {
  function send(bytes: number): ReturnType<typeof guest> & {
    readonly future: Future;
    readonly body: OutgoingBody;
    readonly stream: OutputStream;
  } {
    const given = guest();
    const request = given.request('post');
    const body = request.body();
    const future = given.http['wasi:http/outgoing-handler'].handle(request);
    const stream = body.write();
    const part = new Uint8Array(64 * KiB).fill(0x61);
    for (let left = bytes; left > 0; left -= part.length) stream.write(part.subarray(0, left));
    return { ...given, future, body, stream };
  }

  test('that is small is sent whole, when the guest waits', () => {
    const { body, future, ops } = send(100 * KiB);
    expect(ops()).toEqual([]);
    OutgoingBody.finish(body, undefined);
    expect(textOf(responseOf(future).consume().stream())).toHaveLength(25 + 100 * KiB);
    expect(ops()).toEqual(['http']);
  });

  test('that is large leaves in parts while it is written', () => {
    const { body, future, host, ops } = send(1000 * KiB);
    expect(ops()).toEqual(['http-open', 'http-write', 'http-write', 'http-write']);
    OutgoingBody.finish(body, undefined);
    responseOf(future);
    const sent = host.requests.flatMap((each) => (each.op === 'http-write' ? [each.data] : []));
    expect(sent.reduce((total, { length }) => total + length, 0)).toBe(1000 * KiB);
    expect(Math.max(...sent.map(({ length }) => length))).toBeLessThanOrEqual(512 * KiB);
    expect(ops().at(-1)).toBe('http-finish');
  });

  test('that is not finished is never sent as if it were', () => {
    for (const size of [10, 300 * KiB]) {
      const { body, future, ops } = send(size);
      body[Symbol.dispose]();
      expect(answerOf(future).error?.tag).toBe('internal-error');
      expect(ops()).not.toContain('http');
      expect(ops()).not.toContain('http-finish');
      expect(ops().at(-1)).toBe(size > 1000 ? 'http-close' : undefined);
    }
  });

  test('that is refused under way fails the write and the request', () => {
    const refusal = { ok: false, code: 'denied', message: 'not granted' } as const;
    const { http, request } = guest({ 'http-open': refusal });
    const asked = request('post');
    const body = asked.body();
    const future = http['wasi:http/outgoing-handler'].handle(asked);
    const stream = body.write();
    const told = caught(() => stream.write(new Uint8Array(300 * KiB))) as { readonly val: IoError };
    expect(http['wasi:http/types'].httpErrorCode(told.val)?.tag).toBe('HTTP-request-denied');
    expect(caught(() => stream.write(new Uint8Array(1)))).toEqual({ tag: 'closed' });
    expect(answerOf(future).error?.tag).toBe('HTTP-request-denied');
  });

  test('has a bound until its request is handed over', () => {
    const { host, request } = guest();
    const stream = request('post').body().write();
    const part = new Uint8Array(1024 * KiB);
    for (let index = 0; index < 16; index += 1) stream.write(part);
    expect(caught(() => stream.write(part))).toMatchObject({ tag: 'last-operation-failed' });
    expect(host.requests).toEqual([]);
  });
});
