// Which header fields a guest may set, which the host sets, and which the guest gets to see.

import { EgressRefusal } from './refusal.ts';
import type { Target } from './target.ts';

export type Headers = readonly (readonly [name: string, value: string])[];

const MAX_FIELDS = 64;
const MAX_BYTES = 16 << 10;

const NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
/** RFC 9110, 5.5: visible characters, blanks and obs-text; no CR, LF, NUL or other controls. */
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

/** Set by the host: a guest's own is left out when it says the same, and harmless otherwise. */
const HOST_SETS = new Set(['accept-encoding', 'content-length', 'host']);

/** Never a guest's: the connection, credentials, and fields that make a server see another request. */
const REFUSED = new Set([
  // Hop by hop (RFC 9110, 7.6.1) and framing: what request smuggling is made of.
  'connection',
  'keep-alive',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'http2-settings',
  'expect',
  // Credentials come from the vault, bound to where they may go.
  'authorization',
  'cookie',
  'cookie2',
  // Another method, path or sender than the rules saw.
  'x-http-method',
  'x-http-method-override',
  'x-method-override',
  'x-original-url',
  'x-original-uri',
  'x-rewrite-url',
  'forwarded',
  'x-real-ip',
]);
const NONE: ReadonlySet<string> = new Set();
const REFUSED_PREFIXES = ['proxy-', 'x-forwarded-', 'sec-'];

/** Of an answer, not for the guest: they speak of this hop, or of encodings already undone. */
const HIDDEN = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'set-cookie',
  'set-cookie2',
]);

/**
 * Checks the fields a guest asks for. Names come out in lower case.
 *
 * @param bodyLength undefined for a body that is streamed: a guest may then say how long it will be.
 * @param replaced lower-case names of fields the host sets itself: a guest's own is left out.
 * @throws EgressRefusal `invalid` for malformed ones, `denied` for those that are not a guest's to
 *   set, `limit` for too many.
 */
export function guestHeaders(
  headers: Headers,
  target: Target,
  bodyLength: number | undefined,
  replaced: ReadonlySet<string> = NONE,
): Headers {
  if (headers.length > MAX_FIELDS) {
    throw new EgressRefusal('limit', `a request may have ${MAX_FIELDS} header fields`);
  }
  const kept: (readonly [string, string])[] = [];
  let bytes = 0;
  for (const [given, value] of headers) {
    if (!NAME.test(given) || !VALUE.test(value)) {
      throw new EgressRefusal('invalid', 'a header field has characters that HTTP forbids');
    }
    bytes += given.length + value.length;
    if (bytes > MAX_BYTES) {
      throw new EgressRefusal('limit', `header fields may have ${MAX_BYTES} bytes together`);
    }
    const name = given.toLowerCase();
    if (replaced.has(name)) continue;
    if (name === 'content-length' && bodyLength === undefined) {
      kept.push(streamedLength(value.trim(), kept));
      continue;
    }
    if (REFUSED.has(name) || REFUSED_PREFIXES.some((prefix) => name.startsWith(prefix))) {
      throw new EgressRefusal(
        'denied',
        `the header field \`${name}\` is not a tool's to set; leave it out`,
      );
    }
    if (!HOST_SETS.has(name)) kept.push([name, value.trim()]);
    else if (contradicts(name, value.trim(), target, bodyLength)) {
      throw new EgressRefusal('denied', `the header field \`${name}\` contradicts the request`);
    }
  }
  return kept;
}

/** One length, in digits: two of them, or one that is read in two ways, are how requests are smuggled. */
function streamedLength(value: string, kept: Headers): readonly [string, string] {
  if (!/^(?:0|[1-9]\d{0,14})$/.test(value) || headerOf(kept, 'content-length') !== undefined) {
    throw new EgressRefusal('invalid', 'the header field `content-length` must be one number');
  }
  return ['content-length', value];
}

function contradicts(
  name: string,
  value: string,
  target: Target,
  bodyLength: number | undefined,
): boolean {
  if (name === 'host') return value.toLowerCase() !== target.authority;
  if (name === 'content-length') return value !== String(bodyLength ?? 0);
  return false;
}

/** Fields for the next hop of a redirect. What was meant for one origin does not go to another. */
export function redirectedHeaders(
  headers: Headers,
  change: { readonly sameOrigin: boolean; readonly bodyDropped: boolean },
): Headers {
  return headers.filter(
    ([name]) =>
      (change.sameOrigin || (name !== 'authorization' && name !== 'cookie')) &&
      (!change.bodyDropped || !name.startsWith('content-')),
  );
}

/**
 * Fields of an answer as the guest sees them.
 *
 * @param decoded whether the body was decompressed: its length and coding are then no longer true.
 */
export function answerHeaders(headers: Headers, decoded: boolean): Headers {
  // Fields that `Connection` names are hop by hop as well.
  const connection = headers.filter(([name]) => name === 'connection');
  const named =
    connection.length === 0
      ? NONE
      : new Set(
          connection.flatMap(([, value]) =>
            value.split(',').map((name) => name.trim().toLowerCase()),
          ),
        );
  return headers.filter(
    ([name]) =>
      !HIDDEN.has(name) &&
      !named.has(name) &&
      !(decoded && (name === 'content-encoding' || name === 'content-length')),
  );
}

/** The last value of a field, in lower-case name. */
export function headerOf(headers: Headers, name: string): string | undefined {
  return headers.findLast(([field]) => field === name)?.[1];
}
