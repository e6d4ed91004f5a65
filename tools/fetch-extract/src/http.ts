// One GET through wasi:http/outgoing-handler. Redirects are the host's to follow and to check.

import handler from 'wasi:http/outgoing-handler@0.2.12';
import http, { type ErrorCode, type InputStream } from 'wasi:http/types@0.2.12';
import { Problem } from '../../../wit/sdk/typescript/tool.ts';
import { decodeLatin1, encodeUtf8 } from '../../../wit/sdk/typescript/utf8.ts';
import type { Target } from './url.ts';

export interface Response {
  readonly status: number;
  readonly contentType: string;
  readonly body: Uint8Array;
  /** Whether the body was longer than what was read. */
  readonly cut: boolean;
}

const MAX_BODY = 8 * 1024 * 1024;

const HEADERS: readonly (readonly [string, string])[] = [
  ['accept', 'text/html, application/xhtml+xml, application/json, text/*;q=0.8, */*;q=0.1'],
  ['user-agent', 'warder-fetch-extract/0.1'],
];

/** Why there is no response, in words that name the remedy. */
function explain(error: ErrorCode, target: Target): string {
  if (error.tag === 'HTTP-request-denied') {
    const rule = `GET ${target.scheme.toLowerCase()}://${target.authority}/**`;
    return `the request to ${target.url} is not covered by this tool's grant; an operator can grant it with --allow-net '${rule}'`;
  }
  if (error.tag === 'HTTP-response-body-size') {
    return `the answer of ${target.url} is over the call's network limit (--max-net)`;
  }
  const detail = typeof error.val === 'string' ? `: ${error.val}` : '';
  return `the request to ${target.url} failed (${error.tag})${detail}`;
}

function readAll(stream: InputStream): { body: Uint8Array; cut: boolean } {
  const chunks: Uint8Array[] = [];
  let length = 0;
  let cut = false;
  for (;;) {
    let chunk: Uint8Array;
    try {
      chunk = Uint8Array.from(stream.blockingRead(65536));
    } catch (error) {
      const { tag } = ((error as { payload?: unknown }).payload ?? error) as { tag?: string };
      if (tag === 'closed') break;
      throw new Problem('the response broke off');
    }
    if (length + chunk.length > MAX_BODY) {
      cut = true;
      break;
    }
    chunks.push(chunk);
    length += chunk.length;
  }
  const body = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    body.set(chunk, at);
    at += chunk.length;
  }
  return { body, cut };
}

/** @throws Problem when there is no response. */
export function get(target: Target): Response {
  const entries = HEADERS.map(([name, value]): [string, Uint8Array] => [name, encodeUtf8(value)]);
  const request = new http.OutgoingRequest(http.Fields.fromList(entries));
  request.setMethod({ tag: 'get' });
  request.setScheme({ tag: target.scheme });
  request.setAuthority(target.authority);
  request.setPathWithQuery(target.pathWithQuery);
  let future;
  try {
    future = handler.handle(request, null);
  } catch (error) {
    throw new Problem(explain(((error as { payload?: unknown }).payload ?? error) as ErrorCode, target));
  }
  future.subscribe().block();
  const settled = future.get();
  if (settled === null || settled.tag === 'err') throw new Problem('the host gave no response');
  const outcome = settled.val;
  if (outcome.tag === 'err') throw new Problem(explain(outcome.val, target));
  const response = outcome.val;
  const contentType = response.headers().get('content-type')[0];
  return {
    status: response.status(),
    contentType: contentType === undefined ? '' : decodeLatin1(contentType),
    ...readAll(response.consume().stream()),
  };
}
