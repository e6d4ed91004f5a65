// Where a request goes: a URL parsed once, in the one spelling that is checked, matched and sent.

import { type Address, readAddress } from '../../catalog/address.ts';
import { EgressRefusal } from './refusal.ts';

/** A checked URL. What is matched against the rules is, byte for byte, what is sent. */
export interface Target {
  readonly scheme: 'http' | 'https';
  /** Lower-case name, or an address without brackets. */
  readonly host: string;
  /** Set when the host is an address. */
  readonly address: Address | undefined;
  readonly port: number;
  /** Value of the Host header: the port only when it is not the scheme's own. */
  readonly authority: string;
  /** Normalised; starts with `/`. */
  readonly path: string;
  /** With its `?`, or empty. */
  readonly query: string;
  /** `scheme://authority`. */
  readonly origin: string;
  /** The whole URL, for messages and receipts. */
  readonly url: string;
}

const MAX_URL = 8192;
const PORTS = { http: 80, https: 443 } as const;

/** Scheme, then everything up to the path, query or fragment. */
const HEAD = /^(https?):\/\/([^/?#]*)/i;
const NAME =
  /^(?=.{1,253}$)[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?)*$/;

/**
 * Parses a URL. The host must be spelled as it is understood: a spelling that a parser would change
 * (`0x7f.1`, `127.1`, `ⓛocalhost`, `a@b`, `a%2eb`, `a\b`, a trailing dot) is refused, since another
 * parser may change it to something else.
 *
 * @throws EgressRefusal `invalid`.
 */
export function parseTarget(text: string): Target {
  if (typeof text !== 'string' || text.length > MAX_URL) {
    throw new EgressRefusal('invalid', `a URL may have ${MAX_URL} characters`);
  }
  // Controls and blanks, which parsers cut out or take as an end; `\`, which some read as `/`.
  if (/[\p{Cc}\s\\]/u.test(text) || !text.isWellFormed()) {
    throw new EgressRefusal('invalid', 'a URL must have no blanks, control characters or `\\`');
  }
  const [head, , authority] = HEAD.exec(text) ?? [];
  if (head === undefined || authority === undefined) {
    throw new EgressRefusal('invalid', 'a URL must start with `http://HOST` or `https://HOST`');
  }
  const url = URL.parse(text);
  if (url === null) throw new EgressRefusal('invalid', 'the URL does not parse');
  if (authority.includes('@') || url.username !== '' || url.password !== '') {
    throw new EgressRefusal('invalid', 'a URL must carry no user name or password');
  }
  const scheme = url.protocol === 'https:' ? 'https' : 'http';
  const spelled = authority.toLowerCase().replace(new RegExp(`:${PORTS[scheme]}$`), '');
  if (spelled !== url.host || url.hostname === '') {
    throw new EgressRefusal('invalid', `the host must be spelled \`${url.host}\``);
  }
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  const address = readAddress(host);
  if (address === undefined && !NAME.test(host)) {
    throw new EgressRefusal('invalid', 'the host is neither a name nor an address');
  }
  const port = url.port === '' ? PORTS[scheme] : Number(url.port);
  if (port === 0) throw new EgressRefusal('invalid', 'there is no port 0');
  const path = normalPath(url.pathname);
  return {
    scheme,
    host,
    address,
    port,
    authority: url.host,
    path,
    query: url.search,
    origin: `${scheme}://${url.host}`,
    url: `${scheme}://${url.host}${path}${url.search}`,
  };
}

/** A redirect's target: `location` relative to where it was said. Throws as {@link parseTarget}. */
export function resolveTarget(location: string, from: Target): Target {
  // An absolute one is parsed as spelled; only a relative one is put together first.
  if (/^[a-z][a-z0-9+.-]*:/i.test(location)) return parseTarget(location);
  if (/^[\\/]{2}/.test(location)) return parseTarget(`${from.scheme}:${location}`);
  const joined = URL.parse(location, from.url);
  if (joined === null || joined.origin !== from.origin) {
    throw new EgressRefusal('invalid', 'the redirect does not parse');
  }
  return parseTarget(joined.href);
}

/** Characters that mean the same with and without percent-encoding (RFC 3986, 2.3). */
const UNRESERVED = /^[A-Za-z0-9._~-]$/;

/** Decodes unreserved characters and writes the other encodings in upper case (RFC 3986, 6.2.2). */
export function normalEncoding(path: string): string {
  return path.replace(/%([0-9a-f]{2})/gi, (whole, hex: string) => {
    const character = String.fromCharCode(Number.parseInt(hex, 16));
    return UNRESERVED.test(character) ? character : whole.toUpperCase();
  });
}

/**
 * One spelling per path: unreserved characters decoded, hexadecimal digits in upper case, dot
 * segments gone. Encodings that servers are known to decode into separators are refused, since the
 * path they would serve is not the path a rule saw.
 */
function normalPath(pathname: string): string {
  const path = normalEncoding(pathname);
  if (/%(?![0-9A-F]{2})/.test(path)) {
    throw new EgressRefusal('invalid', 'the path has a `%` that encodes nothing');
  }
  if (/%(?:2F|5C|[01][0-9A-F]|7F)/.test(path)) {
    throw new EgressRefusal('invalid', 'the path must not hide `/`, `\\` or control characters');
  }
  if (/%25(?:2[EF]|5C|[01][0-9A-F]|25)/i.test(path)) {
    throw new EgressRefusal('invalid', 'the path must not be encoded twice');
  }
  // Decoding may have made dot segments that the parser had not seen.
  if (path.split('/').some((segment) => segment === '.' || segment === '..')) {
    throw new EgressRefusal('invalid', 'the path must have no `.` or `..` parts');
  }
  return path;
}
