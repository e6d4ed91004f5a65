// The host functions of docs/tool-contract.md (`extism:host/user`): a block of JSON in, a block of JSON out.

import type { HostReply, HostRequest } from '../../host-calls.ts';
import type { CallState } from './call-state.ts';
import type { CurrentCall, HostFunction } from './kernel.ts';

type Fields = Readonly<Record<string, unknown>>;

/** Thrown for a request that is not one; the guest gets `invalid`. */
class Malformed extends Error {}

interface Operation {
  readonly request: (fields: Fields) => HostRequest;
  /** What stands under `ok`. */
  readonly ok: (reply: Extract<HostReply, { ok: true }>) => object;
}

const NOTHING = (): object => ({});
const VALUE = (reply: Extract<HostReply, { ok: true }>): object => reply.value;

const OPERATIONS: Readonly<Record<string, Operation>> = {
  kv_get: {
    request: (fields) => ({ op: 'kv-get', key: text(fields, 'key') }),
    ok: ({ value, bytes }) => ({
      value: 'found' in value && value.found ? base64(bytes) : null,
    }),
  },
  kv_set: {
    request: (fields) => ({
      op: 'kv-set',
      key: text(fields, 'key'),
      value: bytes(fields, 'value'),
    }),
    ok: NOTHING,
  },
  kv_delete: {
    request: (fields) => ({ op: 'kv-delete', key: text(fields, 'key') }),
    ok: VALUE,
  },
  kv_list: {
    request: (fields) => ({ op: 'kv-list', prefix: text(fields, 'prefix') }),
    ok: VALUE,
  },
  file_roots: { request: () => ({ op: 'file-roots' }), ok: VALUE },
  file_stat: {
    request: (fields) => ({ op: 'file-stat', path: text(fields, 'path') }),
    ok: VALUE,
  },
  file_list: {
    request: (fields) => ({ op: 'file-list', path: text(fields, 'path') }),
    ok: VALUE,
  },
  file_read: {
    request: (fields) => ({
      op: 'file-read',
      path: text(fields, 'path'),
      offset: count(fields, 'offset'),
      length: count(fields, 'length'),
    }),
    ok: (reply) => ({ data: base64(reply.bytes) }),
  },
  file_write: {
    request: (fields) => ({
      op: 'file-write',
      path: text(fields, 'path'),
      data: bytes(fields, 'data'),
    }),
    ok: NOTHING,
  },
};

const decoder = new TextDecoder('utf-8', { fatal: true });
const encoder = new TextEncoder();

/** kv_* and file_*. */
export function hostFunctions(current: CurrentCall): Record<string, HostFunction> {
  const functions: Record<string, HostFunction> = {};
  for (const [name, operation] of Object.entries(OPERATIONS)) {
    functions[name] = (at: bigint) => {
      const state = current();
      const answer = serve(state, operation, state.memory.block(Number(at)));
      return state.store(encoder.encode(JSON.stringify(answer)));
    };
  }
  return functions;
}

function serve(state: CallState, operation: Operation, block: Uint8Array | undefined): object {
  let request: HostRequest;
  try {
    request = operation.request(readFields(block));
  } catch (error) {
    if (!(error instanceof Malformed)) throw error;
    return { error: { code: 'invalid', message: error.message } };
  }
  const reply = state.host.request(request);
  if (reply.ok) return { ok: operation.ok(reply) };
  return { error: { code: reply.code, message: reply.message } };
}

function readFields(block: Uint8Array | undefined): Fields {
  if (block === undefined) throw new Malformed('there is no block at that offset');
  let value: unknown;
  try {
    value = JSON.parse(decoder.decode(block));
  } catch {
    throw new Malformed('the request is not JSON');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new Malformed('the request is not a JSON object');
  }
  return value as Fields;
}

function own(fields: Fields, name: string): unknown {
  return Object.hasOwn(fields, name) ? fields[name] : undefined;
}

function text(fields: Fields, name: string): string {
  const value = own(fields, name);
  if (typeof value !== 'string') throw new Malformed(`\`${name}\` must be a string`);
  return value;
}

function count(fields: Fields, name: string): number {
  const value = own(fields, name);
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) {
    throw new Malformed(`\`${name}\` must be a whole number, not negative`);
  }
  return value;
}

function bytes(fields: Fields, name: string): Uint8Array {
  const value = text(fields, name);
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(value)) throw new Malformed(`\`${name}\` must be base64`);
  return Buffer.from(value, 'base64');
}

function base64(value: Uint8Array | undefined): string {
  if (value === undefined) return '';
  return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64');
}
