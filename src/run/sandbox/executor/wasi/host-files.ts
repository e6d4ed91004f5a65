// Granted files through the daemon: each operation names the path anew and keeps no state there.

import type { GuestHost } from '../engine.ts';
import type { HostReply, HostRequest, RefusalCode } from '../../host-calls.ts';
import { Errno, WasiError } from './errno.ts';

export interface Stat {
  readonly directory: boolean;
  readonly size: number;
  /** Wall milliseconds. */
  readonly modified: number;
}

export interface Entry {
  readonly name: string;
  readonly directory: boolean;
}

const ERRNO: Readonly<Record<RefusalCode, Errno>> = {
  denied: Errno.notcapable,
  limit: Errno.fbig,
  'not-found': Errno.noent,
  invalid: Errno.inval,
  failed: Errno.io,
};

type Granted = Extract<HostReply, { ok: true }>;

function ask(host: GuestHost, request: HostRequest): Granted {
  const reply = host.request(request);
  if (reply.ok) return reply;
  throw new WasiError(ERRNO[reply.code]);
}

export function stat(host: GuestHost, path: string): Stat {
  const { value } = ask(host, { op: 'file-stat', path });
  if (!('size' in value)) throw new WasiError(Errno.io);
  return {
    directory: value.kind === 'directory',
    size: Math.trunc(value.size),
    modified: Math.trunc(value.modified),
  };
}

export function list(host: GuestHost, path: string): readonly Entry[] {
  const { value } = ask(host, { op: 'file-list', path });
  if (!('entries' in value)) throw new WasiError(Errno.io);
  return value.entries.map(({ name, kind }) => ({ name, directory: kind === 'directory' }));
}

/** At most `length` bytes; fewer only at the end of the file. */
export function read(host: GuestHost, path: string, offset: number, length: number): Uint8Array {
  return ask(host, { op: 'file-read', path, offset, length }).bytes ?? new Uint8Array(0);
}

export function write(host: GuestHost, path: string, data: Uint8Array): void {
  ask(host, { op: 'file-write', path, data });
}
