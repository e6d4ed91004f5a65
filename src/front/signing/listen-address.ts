// Where a signer process listens, as its operator writes it.

import { isAbsolute } from 'node:path';
import { WarderError } from '../../base/errors/errors.ts';

/** `unix:PATH`, absolute, or `https://HOST:PORT`. */
export type ListenAddress =
  | { readonly scheme: 'unix'; readonly path: string }
  | { readonly scheme: 'https'; readonly host: string; readonly port: number };

/** Longest path a Unix socket can have on Linux, bytes. */
const SOCKET_PATH_MAX = 107;

/** @throws WarderError `usage`. */
export function parseListenAddress(text: string): ListenAddress {
  if (text.startsWith('unix:')) {
    const path = text.slice('unix:'.length);
    if (isAbsolute(path) && Buffer.byteLength(path) <= SOCKET_PATH_MAX) {
      return { scheme: 'unix', path };
    }
  }
  const [, host = '', number = ''] =
    /^https:\/\/([A-Za-z0-9.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\]):(\d{1,5})$/.exec(text) ?? [];
  if (host !== '' && Number(number) <= 65_535) {
    return { scheme: 'https', host, port: Number(number) };
  }
  throw new WarderError('usage', `\`${text.slice(0, 200)}\` is nowhere to listen`, {
    hint: `\`unix:/an/absolute/path\` of at most ${SOCKET_PATH_MAX} bytes, or \`https://HOST:PORT\``,
  });
}

/** {@link parseListenAddress} reads it back. */
export function formatListenAddress(address: ListenAddress): string {
  return address.scheme === 'unix'
    ? `unix:${address.path}`
    : `https://${address.host}:${address.port}`;
}
