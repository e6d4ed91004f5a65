// Reads `METHOD[,METHOD] scheme://host[:port]/path-glob` strictly: one spelling per meaning, so that
// what an operator wrote and what egress compares are the same thing.

import ipaddr from 'ipaddr.js';
import { WarderError } from '../base/errors/errors.ts';
import type { NetRule } from './installation.ts';
import { didYouMean, showText } from './names.ts';

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];
const PORTS = { http: 80, https: 443 } as const;
const NAME =
  /^(?=.{1,253}$)[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?)*$/;
const IPV4 = /^(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)\.){3}(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)$/;

/**
 * Parses a net rule.
 *
 * @throws WarderError `usage` naming what is wrong and how to write it.
 */
export function parseNetRule(text: string): NetRule {
  const fail = (what: string, hint: string): never => {
    throw new WarderError('usage', `the rule \`${showText(text, 120)}\` ${what}`, { hint });
  };
  if (text.length > 2048) fail('is too long', 'write a shorter path');
  const [, methodText = '', target = ''] = /^(\S+) (\S+)$/.exec(text) ?? [];
  if (target === '') {
    fail('is not `METHOD scheme://host/path`', "for example 'GET https://api.example.com/v1/**'");
  }
  const methods = parseMethods(methodText, fail);
  const [, scheme, rest = ''] = /^(https?):\/\/(.+)$/.exec(target) ?? [];
  if (scheme !== 'http' && scheme !== 'https') {
    return fail('needs the scheme `https://` or `http://`', 'write the scheme in lower case');
  }
  const { host, after } = splitHost(rest, fail);
  const [, portText, path = ''] = /^(?::(\d{1,5}))?(\/.*)?$/.exec(after) ?? [
    undefined,
    undefined,
    '?',
  ];
  if (path === '?') fail('has something between host and path', 'write `host:port/path`');
  const port = portText === undefined ? PORTS[scheme] : Number(portText);
  if (port < 1 || port > 65_535 || portText?.startsWith('0')) {
    fail('has a port that is none', 'ports are 1 to 65535');
  }
  return { methods, scheme, host, port, path: parsePath(path, fail) };
}

/** A rule as {@link parseNetRule} reads it. */
export function formatNetRule(rule: NetRule): string {
  const [address = '', prefix] = rule.host.split('/');
  const bracketed = address.includes(':') ? `[${address}]` : address;
  const host = prefix === undefined ? bracketed : `${bracketed}/${prefix}`;
  const port = rule.port === PORTS[rule.scheme] ? '' : `:${String(rule.port)}`;
  return `${rule.methods.join(',')} ${rule.scheme}://${host}${port}${rule.path}`;
}

type Fail = (what: string, hint: string) => never;

function parseMethods(text: string, fail: Fail): readonly string[] {
  if (text === '*') return ['*'];
  const methods = text.split(',');
  for (const method of methods) {
    if (METHODS.includes(method)) continue;
    const near = didYouMean(method.toUpperCase(), METHODS);
    fail(
      `names the method \`${showText(method, 20)}\``,
      near === undefined ? `use ${METHODS.join(', ')} or \`*\`` : `did you mean \`${near}\`?`,
    );
  }
  return [...new Set(methods)].sort();
}

function splitHost(rest: string, fail: Fail): { readonly host: string; readonly after: string } {
  if (/[@\\?#\s]/.test(rest)) {
    fail(
      'holds user information, a query or a fragment',
      'leave them out; the path is a glob over the path alone',
    );
  }
  if (rest.startsWith('[')) {
    const [whole, inside, outside] = /^\[([^\]]*)\](\/\d{1,3}(?=[:/]|$))?/.exec(rest) ?? [];
    if (whole === undefined || inside === undefined)
      return fail('has an unclosed `[`', 'write `[2001:db8::1]`');
    return { host: parseAddress(inside + (outside ?? ''), fail), after: rest.slice(whole.length) };
  }
  const [name = ''] = /^[^:/]*/.exec(rest) ?? [];
  if (IPV4.test(name)) {
    // `10.0.0.0/8` is a block; the same after a single address would be a path.
    const block = /^\/\d{1,2}(?=[:/]|$)/.exec(rest.slice(name.length))?.[0] ?? '';
    return {
      host: parseAddress(name + block, fail),
      after: rest.slice(name.length + block.length),
    };
  }
  return { host: parseName(name, fail), after: rest.slice(name.length) };
}

function parseAddress(text: string, fail: Fail): string {
  const [address = '', prefix] = text.split('/');
  if (!ipaddr.isValid(address) || address.includes('%'))
    fail('has an address that is none', 'write it in full');
  const parsed = ipaddr.parse(address);
  if (parsed instanceof ipaddr.IPv6 && parsed.isIPv4MappedAddress()) {
    fail('has an IPv4 address in IPv6 form', `write ${parsed.toIPv4Address().toString()}`);
  }
  const plain = parsed instanceof ipaddr.IPv6 ? parsed.toRFC5952String() : parsed.toString();
  if (prefix === undefined) return plain;
  const bits = Number(prefix);
  const size = parsed.kind() === 'ipv4' ? 32 : 128;
  if (bits > size)
    fail('has a block with too long a prefix', `the prefix is at most /${String(size)}`);
  const block = `${plain}/${String(bits)}`;
  const network =
    parsed.kind() === 'ipv4'
      ? ipaddr.IPv4.networkAddressFromCIDR(block).toString()
      : ipaddr.IPv6.networkAddressFromCIDR(block).toRFC5952String();
  if (network !== plain) {
    fail(
      `could mean the block ${network}/${String(bits)} or the address ${plain} with the path /${String(bits)}`,
      `write ${network}/${String(bits)}, or ${plain}/${String(size)} before the path`,
    );
  }
  return bits === size ? plain : block;
}

function parseName(text: string, fail: Fail): string {
  const wildcard = text.startsWith('*.');
  const given = wildcard ? text.slice(2) : text;
  if (given.includes('*'))
    fail('has `*` inside a name', 'use `*.name` for every name below `name`');
  if (given === '' || given.endsWith('.'))
    fail('has no complete host name', 'write the name without a final dot');
  let name: string;
  try {
    name = new URL(`http://${given}/`).hostname;
  } catch {
    return fail('has a host name that is none', 'use letters, digits, `-` and `.`');
  }
  if (IPV4.test(name)) fail('has an address in disguise', `write ${name}`);
  if (!NAME.test(name)) fail('has a host name that is none', 'use letters, digits, `-` and `.`');
  if (wildcard && !name.includes('.'))
    fail('covers a whole top-level domain', 'name at least `*.example.com`');
  return wildcard ? `*.${name}` : name;
}

function parsePath(path: string, fail: Fail): string {
  if (path === '') fail('has no path', 'end it with `/**` for every path');
  if (/\*{3}|%(?:2e|2f|5c|00)/i.test(path) || !/^[!-~]*$/.test(path)) {
    fail(
      'has a path with encoded separators, `***` or characters outside ASCII',
      'write the path as it is sent, percent-encoded',
    );
  }
  const normal = new URL(`http://host${path}`).pathname;
  if (normal !== path)
    fail('has a path that is not in normal form', `write ${showText(normal, 120)}`);
  return path;
}
