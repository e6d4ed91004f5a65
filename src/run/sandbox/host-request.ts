// Reads a guest's request from a frame. An honest executor sends no other form, so anything else is
// a fault of the protocol.

import type { HostRequest } from './host-calls.ts';

type Head = Readonly<Record<string, unknown>>;

/** @throws TypeError for anything that is no request. */
export function readHostRequest(head: Head, body: Uint8Array): HostRequest {
  const op = head['op'];
  switch (op) {
    case 'http':
      return {
        op,
        method: text(head, 'method'),
        url: text(head, 'url'),
        headers: pairs(head['headers']),
        body,
      };
    case 'kv-get':
    case 'kv-delete':
      return { op, key: text(head, 'key') };
    case 'kv-set':
      return { op, key: text(head, 'key'), value: body };
    case 'kv-list':
      return { op, prefix: text(head, 'prefix') };
    case 'file-roots':
      return { op };
    case 'file-stat':
    case 'file-list':
      return { op, path: text(head, 'path') };
    case 'file-read':
      return {
        op,
        path: text(head, 'path'),
        offset: count(head, 'offset'),
        length: count(head, 'length'),
      };
    case 'file-write':
      return { op, path: text(head, 'path'), data: body };
    case 'file-open':
      return {
        op,
        path: text(head, 'path'),
        read: flag(head, 'read'),
        write: flag(head, 'write'),
        create: flag(head, 'create'),
        exclusive: flag(head, 'exclusive'),
        truncate: flag(head, 'truncate'),
        prefetch: count(head, 'prefetch'),
      };
    case 'file-read-at':
      return {
        op,
        handle: count(head, 'handle'),
        offset: count(head, 'offset'),
        length: count(head, 'length'),
      };
    case 'file-write-at': {
      const place = head['offset'] === undefined ? {} : { offset: count(head, 'offset') };
      return { op, handle: count(head, 'handle'), ...place, data: body };
    }
    case 'file-resize':
      return { op, handle: count(head, 'handle'), size: count(head, 'size') };
    case 'file-sync':
    case 'file-stat-handle':
    case 'file-close':
      return { op, handle: count(head, 'handle') };
    case 'file-times': {
      const target = typeof head['target'] === 'string' ? head['target'] : count(head, 'target');
      return { op, target, ...instant(head, 'accessed'), ...instant(head, 'modified') };
    }
    case 'file-make-directory':
      return { op, path: text(head, 'path') };
    case 'file-remove': {
      const { kind } = head;
      if (kind !== 'file' && kind !== 'directory') {
        throw new TypeError('a request without a proper `kind`');
      }
      return { op, path: text(head, 'path'), kind };
    }
    case 'file-rename':
      return { op, from: text(head, 'from'), to: text(head, 'to') };
    case 'http-open':
      return {
        op,
        method: text(head, 'method'),
        url: text(head, 'url'),
        headers: pairs(head['headers']),
      };
    case 'http-write':
      return { op, exchange: count(head, 'exchange'), data: body };
    case 'http-finish':
    case 'http-close':
      return { op, exchange: count(head, 'exchange') };
    case 'http-read':
      return { op, exchange: count(head, 'exchange'), length: count(head, 'length') };
    default:
      throw new TypeError('a request for an unknown operation');
  }
}

function text(head: Head, name: string): string {
  const value = head[name];
  if (typeof value !== 'string') throw new TypeError(`a request without a proper \`${name}\``);
  return value;
}

function count(head: Head, name: string): number {
  const value = head[name];
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) {
    throw new TypeError(`a request without a proper \`${name}\``);
  }
  return value;
}

function flag(head: Head, name: string): boolean {
  const value = head[name];
  if (typeof value !== 'boolean') throw new TypeError(`a request without a proper \`${name}\``);
  return value;
}

/** Nanoseconds since the epoch, up to the year 2554. */
function instant(head: Head, name: string): Record<string, string> {
  if (head[name] === undefined) return {};
  const value = text(head, name);
  if (!/^\d{1,19}$/.test(value)) throw new TypeError(`a request without a proper \`${name}\``);
  return { [name]: value };
}

function pairs(value: unknown): (readonly [string, string])[] {
  if (!Array.isArray(value)) throw new TypeError('a request without proper headers');
  return value.map((pair: unknown) => {
    if (!Array.isArray(pair) || pair.length !== 2) {
      throw new TypeError('a request without proper headers');
    }
    const [name, content] = pair as unknown[];
    if (typeof name !== 'string' || typeof content !== 'string') {
      throw new TypeError('a request without proper headers');
    }
    return [name, content];
  });
}
