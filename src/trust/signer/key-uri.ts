// Key URIs: where a key is and how to get at it. Strict, so that one text has one meaning.

import { WarderError } from '../../base/errors/errors.ts';
import { isAlgorithm } from './jwk.ts';
import type { Algorithm } from './signer.ts';

/** Where the passphrase of a key file comes from. */
export type PassphraseSource =
  | { readonly from: 'file'; readonly path: string }
  | { readonly from: 'env'; readonly name: string };

/** `file:PATH?alg=ES256&passphrase-source=PATH|env:NAME`. A relative path is below the home. */
export interface FileKeyUri {
  readonly scheme: 'file';
  readonly path: string;
  readonly alg: Algorithm;
  readonly passphrase: PassphraseSource;
}

/** RFC 7512: `pkcs11:token=T;object=L?module-path=P&pin-source=PATH&alg=ES256`. */
export interface Pkcs11KeyUri {
  readonly scheme: 'pkcs11';
  readonly token: string;
  readonly object: string;
  readonly modulePath: string | undefined;
  readonly pinSource: string | undefined;
  readonly alg: Algorithm;
}

/** `tpm2:handle=0x81010001` or `tpm2:blob=PATH`, then `?device=…` or `?socket=…`. */
export interface Tpm2KeyUri {
  readonly scheme: 'tpm2';
  readonly key: { readonly handle: number } | { readonly blob: string };
  /** A socket is `host:port`, or an absolute path. */
  readonly transport: { readonly device: string } | { readonly socket: string };
  /** File with the auth value; absent only for a key that registers alone guard. */
  readonly authSource: string | undefined;
  /** Ascending. */
  readonly pcrs: readonly number[];
  readonly alg: Algorithm;
}

/** `unix:PATH`: a signer process of this machine. A relative path is below the home. */
export interface UnixKeyUri {
  readonly scheme: 'unix';
  readonly path: string;
}

/** `https://HOST:PORT?ca=PATH&cert=PATH&key=PATH`: a signer process elsewhere. Relative paths are below the home. */
export interface HttpsKeyUri {
  readonly scheme: 'https';
  /** A name, an IPv4 address, or an IPv6 address in brackets. */
  readonly host: string;
  readonly port: number;
  /** Certificates one of which has to have issued the signer's, PEM. */
  readonly ca: string;
  /** The certificate shown to the signer, and its private key; PEM. */
  readonly cert: string;
  readonly key: string;
}

/** A signer process. Which of its keys is meant, the pinned thumbprint says. */
export type RemoteKeyUri = UnixKeyUri | HttpsKeyUri;

export type KeyUri = FileKeyUri | Pkcs11KeyUri | Tpm2KeyUri | RemoteKeyUri;

/**
 * @throws WarderError `usage` for anything but one of the documented forms: unknown, repeated or
 *   empty members, fragments, stray escapes, and secrets in the URI (`pin-value`).
 */
export function parseKeyUri(uri: string): KeyUri {
  const colon = uri.indexOf(':');
  const scheme = uri.slice(0, Math.max(0, colon));
  if (uri.length > 4096 || !/^[\x21-\x7e]+$/.test(uri) || uri.includes('#')) {
    refuse(
      uri,
      'a key URI is printable ASCII without spaces and fragment, at most 4096 characters',
    );
  }
  const [, path = '', query] = /^([^?]*)(?:\?(.*))?$/.exec(uri.slice(colon + 1)) ?? [];
  switch (scheme) {
    case 'file':
      return fileUri(uri, path, query);
    case 'pkcs11':
      return pkcs11Uri(uri, path, query);
    case 'tpm2':
      return tpm2Uri(uri, path, query);
    case 'unix':
      if (path === '' || query !== undefined) refuse(uri, 'the form is `unix:PATH`');
      return { scheme, path: unescape(uri, path) };
    case 'https':
      return httpsUri(uri, path, query);
    default:
      return refuse(uri, 'the scheme must be one of `file`, `pkcs11`, `tpm2`, `unix`, `https`');
  }
}

/** The canonical text of a key URI; {@link parseKeyUri} reads it back. */
export function formatKeyUri(uri: KeyUri): string {
  switch (uri.scheme) {
    case 'file': {
      const { passphrase } = uri;
      const source =
        passphrase.from === 'env'
          ? `env:${passphrase.name}`
          : escape(passphrase.path.replace(/^env:/, './env:'));
      return `file:${escape(uri.path)}?alg=${uri.alg}&passphrase-source=${source}`;
    }
    case 'pkcs11':
      return `pkcs11:token=${escape(uri.token)};object=${escape(uri.object)}?${query({
        'module-path': uri.modulePath,
        'pin-source': uri.pinSource,
        alg: uri.alg,
      })}`;
    case 'tpm2': {
      const { key, transport } = uri;
      const path =
        'handle' in key
          ? `handle=0x${key.handle.toString(16).padStart(8, '0')}`
          : `blob=${escape(key.blob)}`;
      return `tpm2:${path}?${query({
        ...transport,
        'auth-source': uri.authSource,
        pcrs: uri.pcrs.length === 0 ? undefined : uri.pcrs.join(','),
        alg: uri.alg,
      })}`;
    }
    case 'unix':
      return `unix:${escape(uri.path)}`;
    case 'https': {
      const { host, port, ca, cert, key } = uri;
      return `https://${host}:${port}?${query({ ca, cert, key })}`;
    }
  }
}

/** Whether a key URI names a signer process: that one remembers what it signed itself. */
export function isRemote(uri: KeyUri): uri is RemoteKeyUri {
  return uri.scheme === 'unix' || uri.scheme === 'https';
}

function fileUri(uri: string, path: string, text: string | undefined): FileKeyUri {
  const fields = members(uri, text, '&', ['alg', 'passphrase-source']);
  if (path === '' || path.startsWith('//')) refuse(uri, 'the form is `file:PATH`, without `//`');
  const file = unescape(uri, path);
  return {
    scheme: 'file',
    path: file,
    alg: algorithm(uri, fields.get('alg')),
    passphrase: passphraseSource(uri, fields.get('passphrase-source') ?? `${file}.passphrase`),
  };
}

function passphraseSource(uri: string, source: string): PassphraseSource {
  if (!source.startsWith('env:')) return { from: 'file', path: source };
  const name = source.slice(4);
  if (!/^[A-Z_][A-Z0-9_]{0,127}$/.test(name)) {
    refuse(uri, '`passphrase-source=env:NAME` takes an upper-case name');
  }
  return { from: 'env', name };
}

function pkcs11Uri(uri: string, path: string, text: string | undefined): Pkcs11KeyUri {
  const where = members(uri, path, ';', ['token', 'object']);
  const how = members(uri, text, '&', ['module-path', 'pin-source', 'alg']);
  const token = where.get('token');
  const object = where.get('object');
  if (token === undefined || object === undefined) refuse(uri, '`token` and `object` are needed');
  return {
    scheme: 'pkcs11',
    token,
    object,
    modulePath: how.get('module-path'),
    pinSource: how.get('pin-source'),
    alg: algorithm(uri, how.get('alg')),
  };
}

function tpm2Uri(uri: string, path: string, text: string | undefined): Tpm2KeyUri {
  const where = members(uri, path, ';', ['handle', 'blob']);
  const how = members(uri, text, '&', ['device', 'socket', 'auth-source', 'pcrs', 'alg']);
  const handle = where.get('handle');
  const blob = where.get('blob');
  if ((handle === undefined) === (blob === undefined)) refuse(uri, 'give `handle` or `blob`');
  if (handle !== undefined && !/^0x81[0-9a-f]{6}$/.test(handle)) {
    refuse(uri, 'a persistent handle is like `0x81010001`');
  }
  const device = how.get('device');
  const socket = how.get('socket');
  if (device !== undefined && socket !== undefined) refuse(uri, 'give `device` or `socket`');
  // A URI may come over the operator socket: it opens no other devices, and connects to no other machine.
  if (device !== undefined && !/^\/dev\/tpm[a-z]*\d*$/.test(device)) {
    refuse(uri, '`device` is a TPM, like `/dev/tpmrm0`');
  }
  if (socket !== undefined && !/^(?:\/.+|(?:127\.0\.0\.1|\[::1\]):[1-9]\d{0,4})$/.test(socket)) {
    refuse(uri, '`socket` is `127.0.0.1:PORT`, `[::1]:PORT` or an absolute path');
  }
  const pcrs = registers(uri, how.get('pcrs'));
  const alg = algorithm(uri, how.get('alg'));
  if (alg === 'EdDSA') refuse(uri, 'a TPM has no Ed25519: `alg` is ES256 or ES384');
  const ownAuth = blob === undefined ? `keys/tpm2-${handle?.slice(2)}.auth` : `${blob}.auth`;
  return {
    scheme: 'tpm2',
    key: handle === undefined ? { blob: blob ?? '' } : { handle: Number(handle) },
    transport: socket === undefined ? { device: device ?? '/dev/tpmrm0' } : { socket },
    authSource: how.get('auth-source') ?? (pcrs.length === 0 ? ownAuth : undefined),
    pcrs,
    alg,
  };
}

function registers(uri: string, list: string | undefined): readonly number[] {
  if (list === undefined) return [];
  const names = list.split(',');
  const pcrs = names.map(Number).sort((left, right) => left - right);
  const strict = names.every((name) => /^(?:\d|1\d|2[0-3])$/.test(name));
  if (strict && new Set(pcrs).size === pcrs.length) return pcrs;
  return refuse(uri, '`pcrs` are numbers from 0 to 23, each once, with commas between');
}

function httpsUri(uri: string, path: string, text: string | undefined): HttpsKeyUri {
  const form = 'the form is `https://HOST:PORT?ca=PATH&cert=PATH&key=PATH`';
  const [, host = '', number = ''] =
    /^\/\/([A-Za-z0-9.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\]):(\d{1,5})$/.exec(path) ?? [];
  const port = Number(number);
  if (port < 1 || port > 65_535 || !URL.canParse(`https://${host}:${port}`)) refuse(uri, form);
  const fields = members(uri, text, '&', ['ca', 'cert', 'key']);
  const [ca, cert, key] = [fields.get('ca'), fields.get('cert'), fields.get('key')];
  if (ca === undefined || cert === undefined || key === undefined) refuse(uri, form);
  return { scheme: 'https', host: host.toLowerCase(), port, ca, cert, key };
}

function members(
  uri: string,
  text: string | undefined,
  separator: string,
  known: readonly string[],
): Map<string, string> {
  const found = new Map<string, string>();
  if (text === undefined) return found;
  for (const member of text.split(separator)) {
    const at = member.indexOf('=');
    const name = member.slice(0, Math.max(0, at));
    if (name === 'pin-value') {
      throw new WarderError('usage', 'a secret in a key URI is refused: `pin-value`', {
        hint: 'put the PIN in a 0600 file and name it with `pin-source`',
      });
    }
    if (!known.includes(name)) refuse(uri, `\`${name || member}\` is none of ${known.join(', ')}`);
    if (found.has(name)) refuse(uri, `\`${name}\` stands twice`);
    const value = unescape(uri, member.slice(at + 1));
    if (value === '') refuse(uri, `\`${name}\` is empty`);
    found.set(name, value);
  }
  return found;
}

function query(fields: Readonly<Record<string, string | undefined>>): string {
  return Object.entries(fields)
    .flatMap(([name, value]) => (value === undefined ? [] : [`${name}=${escape(value)}`]))
    .join('&');
}

function algorithm(uri: string, name: string | undefined): Algorithm {
  if (name === undefined) return 'ES256';
  if (!isAlgorithm(name)) refuse(uri, '`alg` must be ES256, ES384 or EdDSA');
  return name;
}

/** Percent-encodes all but what is plain in a path; keeps `/`, `,` and `:` readable. */
function escape(text: string): string {
  return encodeURIComponent(text).replace(/%(?:2F|2C|3A)/g, decodeURIComponent);
}

function unescape(uri: string, text: string): string {
  try {
    const plain = decodeURIComponent(text);
    if (!plain.includes('\0')) return plain;
  } catch {
    // Reported below.
  }
  return refuse(uri, 'a broken percent escape');
}

function refuse(uri: string, why: string): never {
  // A mistyped URI may hold a PIN: only its scheme is repeated.
  const scheme = /^[a-z0-9]{1,12}:/.exec(uri)?.[0] ?? '';
  throw new WarderError('usage', `not a key URI warder takes (\`${scheme}…\`): ${why}`, {
    hint: 'see docs/keys for the forms, e.g. `file:keys/signing.key?alg=ES256`',
  });
}
