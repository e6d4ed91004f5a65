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
