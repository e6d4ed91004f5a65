// Whether a text names a machine that is not on the open internet, however the address is written.

import { type Address, classOf, plain, readAddress } from '../../catalog/address.ts';

/** Names that resolve on the inside only, `localhost` and metadata services among them. */
const NAME =
  /(?<![\w.-])(?:localhost|(?:[a-z0-9_-]{1,63}\.){1,16}(?:localhost|local|internal|intranet|lan|home\.arpa))(?![\w-]|\.\w)/i;
/** Four parts, each decimal, octal or hexadecimal. */
const FOUR_PARTS =
  /(?<![\w.])(?:0x[0-9a-f]{1,8}|[0-9]{1,10})(?:\.(?:0x[0-9a-f]{1,8}|[0-9]{1,10})){3}(?!\w|\.\w)/gi;
/** All 32 bits as one hexadecimal number. */
const ONE_NUMBER = /(?<!\w)0x[0-9a-f]{8}(?!\w)/gi;
/** Might be RFC 4291 text. */
const COLONS = /(?<![\w:.])(?:[0-9a-f]{0,4}:){2,7}(?:[0-9a-f]{1,4}|[0-9.]{7,15})?(?![\w:])/gi;
/** A host that is more than the name it shows: a number, brackets, escapes, or digits of other scripts. */
const ODD_HOST =
  /^\[|[%\u0080-\uffff]|(?:^|\.)(?:[0-9]{1,32}|0x[0-9a-f]{0,32})\.?(?::[0-9]{0,5})?$/i;
/** More of them in one call's arguments are no accident. */
const ODD_HOSTS_MAX = 4096;
const AUTHORITY = /[^\s/\\?#"'<>`]{1,512}/y;

/** Anywhere in a text; of URLs also hosts in forms that only URLs allow: `http://2130706433/`. */
export function namesInternalAddress(text: string): boolean {
  return (
    NAME.test(text) ||
    some(text, FOUR_PARTS, (found) => isInternal(readHost(found))) ||
    some(text, ONE_NUMBER, (found) => isInternal(readHost(found))) ||
    some(text, COLONS, (found) => isInternalSix(readAddress(found))) ||
    urlNamesInternal(text)
  );
}

function some(text: string, pattern: RegExp, test: (found: string) => boolean): boolean {
  for (const [found] of text.matchAll(pattern)) if (test(found)) return true;
  return false;
}

function urlNamesInternal(text: string): boolean {
  let odd = 0;
  for (let at = text.indexOf('//'); at >= 0; at = text.indexOf('//', at + 2)) {
    AUTHORITY.lastIndex = at + 2;
    const [authority = ''] = AUTHORITY.exec(text) ?? [];
    const host = authority.slice(authority.lastIndexOf('@') + 1);
    if (!ODD_HOST.test(host)) continue;
    odd += 1;
    if (odd > ODD_HOSTS_MAX || hostIsInternal(host)) return true;
  }
  return false;
}

function hostIsInternal(host: string): boolean {
  const read = readHost(host);
  return read !== undefined && (NAME.test(read) || isInternal(read));
}

/** The host as URLs have it: numbers in any form become four parts, escapes and wide digits are undone. */
function readHost(host: string): string | undefined {
  try {
    return new URL(`http://${host}/`).hostname;
  } catch {
    return undefined;
  }
}

function isInternal(host: string | undefined): boolean {
  const address = host === undefined ? undefined : readAddress(host.replace(/^\[(.*)\]$/, '$1'));
  return address !== undefined && classOf(plain(address)) !== 'public';
}

/** Much that is no address can be read as one, so only blocks count that are handed out inside. */
function isInternalSix(address: Address | undefined): boolean {
  if (address === undefined) return false;
  const bare = plain(address);
  if (bare.kind() === 'ipv4') return classOf(bare) !== 'public';
  return ['loopback', 'uniqueLocal', 'linkLocal'].includes(bare.range());
}
