// The requests of a chain of redirects: the guest's own, and each next one.

import { guestHeaders, type Headers, redirectedHeaders } from './headers.ts';
import { EgressRefusal } from './refusal.ts';
import { parseTarget, resolveTarget, type Target } from './target.ts';

/** One request of a chain. */
export interface Hop {
  readonly method: string;
  readonly target: Target;
  readonly headers: Headers;
  readonly body: Uint8Array;
}

/** What a guest asks for. Every value is hostile. */
export interface Asked {
  readonly method: string;
  readonly url: string;
  readonly headers: Headers;
  /** Undefined when it is streamed. */
  readonly body: Uint8Array | undefined;
}

const NO_BODY = new Uint8Array();

/**
 * Reads a guest's request.
 *
 * @param replaced names of the fields that secrets go into.
 * @throws EgressRefusal `invalid`, `denied` or `limit`.
 */
export function firstHop(
  asked: Asked,
  replaced: (method: string, target: Target) => ReadonlySet<string>,
): Hop {
  const method = asked.method.toUpperCase();
  if (!/^[A-Z]{1,20}$/.test(method) || ['CONNECT', 'TRACE', 'TRACK'].includes(method)) {
    throw new EgressRefusal('invalid', 'the method must be one such as `GET` or `POST`');
  }
  const target = parseTarget(asked.url);
  const { body } = asked;
  if (body !== undefined && body.length > 0) assertCarries(method);
  const fields = replaced(method, target);
  const headers = guestHeaders(asked.headers, target, body?.length, fields);
  return { method, target, headers, body: body ?? NO_BODY };
}

/** @throws EgressRefusal `invalid` for a method without a body. */
export function assertCarries(method: string): void {
  if (method === 'GET' || method === 'HEAD') {
    throw new EgressRefusal('invalid', `\`${method}\` carries no body`);
  }
}

/**
 * The request a redirect asks for (RFC 9110, 15.4; the method changes as in browsers).
 *
 * @param streamed whether the body went out in parts and is gone.
 * @throws EgressRefusal `invalid` when the location does not parse, `failed` when the body would have
 *   to be sent again and cannot be.
 */
export function nextHop(hop: Hop, status: number, location: string, streamed = false): Hop {
  const target = resolveTarget(location, hop.target);
  const toGet =
    (status === 303 && hop.method !== 'HEAD') ||
    ((status === 301 || status === 302) && hop.method === 'POST');
  if (streamed && !toGet) {
    throw new EgressRefusal('failed', 'the redirect asks for a body that was streamed and is gone');
  }
  const sameOrigin = target.origin === hop.target.origin;
  return {
    method: toGet ? 'GET' : hop.method,
    target,
    headers: redirectedHeaders(hop.headers, { sameOrigin, bodyDropped: toGet }),
    body: toGet ? NO_BODY : hop.body,
  };
}

/** Bytes a request takes from the budget, near enough: request line, fields, body. */
export function requestSize({ method, target, headers, body }: Hop): number {
  const fields = headers.reduce((sum, [name, value]) => sum + name.length + value.length + 4, 0);
  return method.length + target.url.length + fields + body.length;
}
