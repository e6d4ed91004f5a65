// The host interfaces of wit/warder-tool.wit, each a request to the daemon.

import type { HostReply, HostRequest, HostValue } from '../../host-calls.ts';
import type { GuestHost, LogLevel } from '../engine.ts';
import { ErrResult } from './err-result.ts';

type Granted = Extract<HostReply, { ok: true }>;

function ask(host: GuestHost, request: HostRequest): Granted {
  const reply = host.request(request);
  if (reply.ok) return reply;
  throw new ErrResult({ code: reply.code, message: reply.message });
}

/** The daemon's answer, narrowed to the operation's own form. */
function valueOf<K extends string>(reply: Granted, key: K): Extract<HostValue, Record<K, unknown>> {
  if (!(key in reply.value)) throw new Error(`the host's answer lacks \`${key}\``);
  return reply.value as Extract<HostValue, Record<K, unknown>>;
}

function safeNumber(value: bigint, what: string): number {
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) {
    throw new ErrResult({ code: 'invalid', message: `the ${what} is too large` });
  }
  return Number(value);
}

/** warder:tool/{kv,files,log,config} for one call. */
export function makeWarderHost(host: GuestHost): Record<string, object> {
  const kv = {
    get: (key: string) => {
      const reply = ask(host, { op: 'kv-get', key });
      return valueOf(reply, 'found').found ? (reply.bytes ?? new Uint8Array()) : undefined;
    },
    // The glue's bytes are a view of guest memory.
    set: (key: string, value: Uint8Array) => {
      ask(host, { op: 'kv-set', key, value: value.slice() });
    },
    delete: (key: string) => valueOf(ask(host, { op: 'kv-delete', key }), 'deleted').deleted,
    listKeys: (prefix: string) => valueOf(ask(host, { op: 'kv-list', prefix }), 'keys').keys,
  };
  const files = {
    roots: () => [...host.roots],
    stat: (path: string) => {
      const { kind, size, modified } = valueOf(ask(host, { op: 'file-stat', path }), 'size');
      return { kind, size: BigInt(Math.trunc(size)), modified: BigInt(Math.trunc(modified)) };
    },
    listDirectory: (path: string) =>
      valueOf(ask(host, { op: 'file-list', path }), 'entries').entries,
    read: (path: string, offset: bigint, length: number) =>
      ask(host, { op: 'file-read', path, offset: safeNumber(offset, 'offset'), length }).bytes ??
      new Uint8Array(),
    write: (path: string, data: Uint8Array) => {
      ask(host, { op: 'file-write', path, data: data.slice() });
    },
  };
  return {
    'warder:tool/kv': kv,
    'warder:tool/files': files,
    'warder:tool/log': {
      write: (level: LogLevel, message: string) => {
        host.log(level, message);
      },
    },
    'warder:tool/config': {
      get: (key: string) => (Object.hasOwn(host.config, key) ? host.config[key] : undefined),
    },
    'warder:tool/types': {},
  };
}
