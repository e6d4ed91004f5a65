// Classes of addresses: which anyone may be reached at, which only by a rule that names them, which never.

import ipaddr from 'ipaddr.js';

/**
 * `public`: global unicast. `special`: loopback, private, link-local, metadata and everything else
 * that is not the open internet; reached only when a rule gives the address or its block. `never`:
 * forms that mean another address than they say, and those no connection can go to.
 */
export type AddressClass = 'public' | 'special' | 'never';

export type Address = ipaddr.IPv4 | ipaddr.IPv6;

/** A block of addresses, as a rule gives it. */
export type Block = readonly [Address, number];

/** Reads an address in one of the usual forms: four decimal parts, or RFC 4291 text without zone. */
export function readAddress(text: string): Address | undefined {
  if (ipaddr.IPv4.isValidFourPartDecimal(text)) return ipaddr.IPv4.parse(text);
  if (!text.includes(':') || text.includes('%') || !ipaddr.IPv6.isValid(text)) return undefined;
  return ipaddr.IPv6.parse(text);
}

/** Reads an address (as a block of one) or a CIDR block; undefined for a name. */
export function readBlock(text: string): Block | undefined {
  const [address, bits, ...rest] = text.replace(/^\[(.*)\]/, '$1').split('/');
  const base = readAddress(address ?? '');
  if (base === undefined || rest.length > 0) return undefined;
  const widest = base.kind() === 'ipv4' ? 32 : 128;
  if (bits === undefined) return [base, widest];
  if (!/^\d{1,3}$/.test(bits) || Number(bits) > widest) return undefined;
  return [base, Number(bits)];
}

export function inBlock(address: Address, [base, bits]: Block): boolean {
  return address.kind() === base.kind() && address.match(base, bits);
}

/** Whether two addresses are the same; an IPv4-mapped one is the IPv4 it carries. */
export function sameAddress(left: Address, right: Address): boolean {
  return plain(left).toString() === plain(right).toString();
}

/** The IPv4 address inside an IPv4-mapped one, else the address. */
export function plain(address: Address): Address {
  return address.kind() === 'ipv6' && (address as ipaddr.IPv6).isIPv4MappedAddress()
    ? (address as ipaddr.IPv6).toIPv4Address()
    : address;
}

export function classOf(address: Address): AddressClass {
  // `::1` lies within `::/96`.
  if (address.range() === 'loopback') return 'special';
  if (NEVER.some((block) => inBlock(address, block))) return 'never';
  if (SPECIAL.some((block) => inBlock(address, block)) || isIsatap(address)) return 'special';
  const range: string = address.range();
  if (range !== 'unicast') return 'special';
  // Only 2000::/3 is handed out; what lies elsewhere has no meaning yet, or an old one.
  return address.kind() === 'ipv4' || inBlock(address, GLOBAL_UNICAST) ? 'public' : 'special';
}

const GLOBAL_UNICAST = block('2000::/3');

const NEVER: readonly Block[] = [
  // "This host": a connection to it goes to loopback. And the broadcast address.
  block('0.0.0.0/8'),
  block('255.255.255.255/32'),
  block('224.0.0.0/4'),
  block('ff00::/8'),
  // Unspecified and IPv4-compatible: `::a00:1` is 10.0.0.1; ipaddr.js calls it unicast.
  block('::/96'),
  // IPv4-mapped, and IPv4-translated (RFC 2765): the system connects to the IPv4 inside.
  block('::ffff:0:0/96'),
  block('::ffff:0:0:0/96'),
];

/** What ipaddr.js calls unicast and is not the open internet. */
const SPECIAL: readonly Block[] = [
  // Azure's wire server and DNS, reached from every machine there.
  block('168.63.129.16/32'),
  // RFC 9780: the dummy prefix.
  block('100:0:0:1::/64'),
];

/** RFC 5214: an interface id that carries an IPv4 address, under any prefix. */
function isIsatap(address: Address): boolean {
  if (address.kind() !== 'ipv6') return false;
  const { parts } = address as ipaddr.IPv6;
  return ((parts[4] ?? 0) & 0xfdff) === 0 && parts[5] === 0x5efe;
}

function block(text: string): Block {
  const [address, bits] = ipaddr.parseCIDR(text);
  return [address, bits];
}
