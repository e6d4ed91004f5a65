// The requests of a chain of redirects: the guest's own, and each next one.

import type { EgressRequest } from './egress.ts';
import type { HopRequest } from './exchange.ts';
import { guestHeaders, redirectedHeaders } from './headers.ts';
import { EgressRefusal } from './refusal.ts';
import { parseTarget, resolveTarget } from './target.ts';

/**
 * Reads a guest's request.
 *
 * @throws EgressRefusal `invalid`, `denied` or `limit`.
 */
export function firstHop(request: EgressRequest): HopRequest {
  const method = request.method.toUpperCase();
  if (!/^[A-Z]{1,20}$/.test(method) || ['CONNECT', 'TRACE', 'TRACK'].includes(method)) {
    throw new EgressRefusal('invalid', 'the method must be one such as `GET` or `POST`');
  }
  const target = parseTarget(request.url);
  const body = request.body.slice();
  if (body.length > 0 && (method === 'GET' || method === 'HEAD')) {
    throw new EgressRefusal('invalid', `\`${method}\` carries no body`);
  }
  return { method, target, headers: guestHeaders(request.headers, target, body.length), body };
}

/**
 * The request a redirect asks for (RFC 9110, 15.4; the method changes as in browsers).
 *
 * @throws EgressRefusal `invalid` when the location does not parse.
 */
export function nextHop(hop: HopRequest, status: number, location: string): HopRequest {
  const target = resolveTarget(location, hop.target);
  const toGet =
    (status === 303 && hop.method !== 'HEAD') ||
    ((status === 301 || status === 302) && hop.method === 'POST');
  const sameOrigin = target.origin === hop.target.origin;
  return {
    method: toGet ? 'GET' : hop.method,
    target,
    headers: redirectedHeaders(hop.headers, { sameOrigin, bodyDropped: toGet }),
    body: toGet ? new Uint8Array() : hop.body,
  };
}
