// A working host for engine tests: a key/value store, one file, one web page in parts, one log.

import type { GuestHost, LogLevel } from '../../../src/run/sandbox/executor/engine.ts';
import type { HostReply, HostRequest } from '../../../src/run/sandbox/host-calls.ts';

export interface FakeHost extends GuestHost {
  readonly requests: HostRequest[];
  readonly lines: [level: LogLevel, message: string][];
}

const utf8 = new TextEncoder();

export function fakeHost(answers: Partial<Record<HostRequest['op'], HostReply>> = {}): FakeHost {
  const values = new Map<string, Uint8Array>();
  const requests: HostRequest[] = [];
  const lines: [LogLevel, string][] = [];
  const page = new Page();
  return {
    requests,
    lines,
    env: { GREETING: 'hello' },
    config: { unit: 'm' },
    roots: ['/data'],
    log: (level, message) => void lines.push([level, message]),
    request: (request) => {
      requests.push(request);
      return answers[request.op] ?? page.serve(request) ?? serve(request, values);
    },
  };
}

function serve(request: HostRequest, values: Map<string, Uint8Array>): HostReply {
  switch (request.op) {
    case 'kv-get': {
      const bytes = values.get(request.key);
      return bytes === undefined
        ? { ok: true, value: { found: false } }
        : { ok: true, value: { found: true }, bytes };
    }
    case 'kv-set':
      values.set(request.key, request.value);
      return { ok: true, value: {} };
    case 'kv-delete':
      return { ok: true, value: { deleted: values.delete(request.key) } };
    case 'kv-list':
      return {
        ok: true,
        value: { keys: [...values.keys()].filter((key) => key.startsWith(request.prefix)) },
      };
    case 'file-roots':
      return { ok: true, value: { roots: ['/data'] } };
    case 'file-stat':
      return { ok: true, value: { kind: 'file', size: 5, modified: 1_700_000_000_000.25 } };
    case 'file-list':
      return { ok: true, value: { entries: [{ name: 'a.txt', kind: 'file' }] } };
    case 'file-read':
      return { ok: true, value: {}, bytes: utf8.encode('hello').subarray(request.offset) };
    case 'file-write':
      return { ok: false, code: 'denied', message: 'no write grant' };
    default:
      return { ok: false, code: 'denied', message: `no \`${request.op}\` here` };
  }
}

const HEAD = { status: 201, headers: [['content-type', 'text/plain'] as const] };

/** Answers each request with what it was asked, whole or in parts. */
class Page {
  readonly #bodies = new Map<number, string>();

  serve(request: HostRequest): HostReply | undefined {
    switch (request.op) {
      case 'http': {
        const body = new TextDecoder().decode(request.body);
        const bytes = utf8.encode(`${request.method} ${request.url} ${body}`);
        return { ok: true, value: HEAD, bytes };
      }
      case 'http-open': {
        const exchange = this.#bodies.size + 1;
        this.#bodies.set(exchange, `${request.method} ${request.url} `);
        return { ok: true, value: { exchange } };
      }
      case 'http-write': {
        const more = new TextDecoder().decode(request.data);
        this.#bodies.set(request.exchange, this.#bodyOf(request.exchange) + more);
        return { ok: true, value: {} };
      }
      case 'http-finish':
        return { ok: true, value: HEAD };
      case 'http-read': {
        const body = this.#bodyOf(request.exchange);
        const part = body.slice(0, Math.min(request.length, PART));
        this.#bodies.set(request.exchange, body.slice(part.length));
        const end = part.length === body.length;
        return { ok: true, value: { end }, bytes: utf8.encode(part) };
      }
      case 'http-close':
        return { ok: true, value: {} };
      default:
        return undefined;
    }
  }

  #bodyOf(exchange: number): string {
    return this.#bodies.get(exchange) ?? '';
  }
}

/** So that what is short comes in more than one part too. */
const PART = 10;
