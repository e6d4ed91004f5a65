// Extism's http_request, asked of the daemon. A refusal comes back as a response the plugin can show.

import { GuestFailure } from '../engine.ts';
import type { HostReply, RefusalCode } from '../../host-calls.ts';
import type { CallState } from './call-state.ts';
import type { CurrentCall, HostFunction } from './kernel.ts';

const decoder = new TextDecoder();
const encoder = new TextEncoder();
const EMPTY = new Uint8Array(0);

/** HTTP status of a response that stands for a refusal; header `x-warder-refusal` tells it apart. */
const REFUSAL_STATUS: Readonly<Record<RefusalCode, number>> = {
  denied: 403,
  limit: 429,
  invalid: 400,
  'not-found': 502,
  failed: 502,
};

interface Request {
  readonly method: string;
  readonly url: string;
  readonly headers: [string, string][];
}

/** http_request, http_status_code and http_headers. */
export function httpFunctions(current: CurrentCall): Record<string, HostFunction> {
  return {
    http_request: (requestAt: bigint, bodyAt: bigint) => {
      const state = current();
      const request = readRequest(state.memory.block(Number(requestAt)));
      if (request === undefined) {
        const message = 'the request is not a JSON object with a `url`';
        return state.store(answer(state, { ok: false, code: 'invalid', message }));
      }
      const body = state.memory.block(Number(bodyAt)) ?? EMPTY;
      return state.store(answer(state, state.host.request({ op: 'http', ...request, body })));
    },
    http_status_code: () => current().httpStatus,
    http_headers: () => {
      const state = current();
      return state.store(encoder.encode(JSON.stringify(state.httpHeaders)));
    },
  };
}

/** Notes status and headers, and gives the body. */
function answer(state: CallState, reply: HostReply): Uint8Array {
  if (!reply.ok) {
    state.httpStatus = REFUSAL_STATUS[reply.code];
    state.httpHeaders = { 'content-type': 'text/plain', 'x-warder-refusal': reply.code };
    return encoder.encode(reply.message);
  }
  if (!('status' in reply.value)) {
    state.end(new GuestFailure('the host answered something else than a response'));
  }
  state.httpStatus = reply.value.status;
  state.httpHeaders = joinHeaders(reply.value.headers);
  return reply.bytes ?? EMPTY;
}

function readRequest(bytes: Uint8Array | undefined): Request | undefined {
  if (bytes === undefined) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(decoder.decode(bytes));
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const { url, method, headers, header } = value as Record<string, unknown>;
  if (typeof url !== 'string') return undefined;
  const given = headers ?? header ?? {};
  if (typeof given !== 'object') return undefined;
  return {
    url,
    method: typeof method === 'string' && method !== '' ? method.toUpperCase() : 'GET',
    headers: Object.entries(given).map(([name, text]) => [name, String(text)]),
  };
}

/** One value per name, as Extism hands headers over; null prototype, names come from outside. */
function joinHeaders(list: readonly (readonly [string, string])[]): Record<string, string> {
  const joined = Object.create(null) as Record<string, string>;
  for (const [name, value] of list) {
    const key = name.toLowerCase();
    joined[key] = key in joined ? `${joined[key]}, ${value}` : value;
  }
  return joined;
}
