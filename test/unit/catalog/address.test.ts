import { describe, expect, it } from 'vitest';
import {
  classOf,
  inBlock,
  readAddress,
  readBlock,
  sameAddress,
} from '../../../src/catalog/address.ts';

const read = (text: string) => {
  const address = readAddress(text);
  if (address === undefined) throw new TypeError(text);
  return address;
};

describe('address classes', () => {
  it.each(['93.184.215.14', '8.8.8.8', '2606:2800:21f:cb07:6820:80da:af6b:8b2c', '2a00:1450::1'])(
    '%s is public',
    (text) => {
      expect(classOf(read(text))).toBe('public');
    },
  );

  it.each([
    ['127.0.0.1', 'loopback'],
    ['127.255.255.254', 'loopback'],
    ['::1', 'loopback'],
    ['10.0.0.1', 'private'],
    ['172.16.0.1', 'private'],
    ['192.168.1.1', 'private'],
    ['169.254.169.254', 'metadata, link-local'],
    ['100.100.100.200', 'metadata in carrier-grade NAT'],
    ['100.64.0.1', 'carrier-grade NAT'],
    ['168.63.129.16', 'metadata that ipaddr.js calls unicast'],
    ['192.0.0.192', 'metadata in a reserved block'],
    ['198.18.0.1', 'benchmarking'],
    ['203.0.113.1', 'documentation'],
    ['240.0.0.1', 'reserved'],
    ['fd00:ec2::254', 'metadata, unique local'],
    ['fe80::1', 'link-local'],
    ['fec0::1', 'site-local'],
    ['64:ff9b::7f00:1', 'NAT64'],
    ['64:ff9b:1::a00:1', 'NAT64, local use'],
    ['2002:7f00:1::', '6to4'],
    ['2001::1', 'Teredo'],
    ['100::1', 'discard'],
    ['100:0:0:1::1', 'dummy prefix that ipaddr.js calls unicast'],
    ['2001:db8::1', 'documentation'],
    ['4000::1', 'not handed out'],
    ['2a00:1450::5efe:7f00:1', 'ISATAP'],
  ])('%s is special: %s', (text) => {
    expect(classOf(read(text))).toBe('special');
  });

  it.each([
    ['0.0.0.0', 'unspecified: goes to loopback'],
    ['0.1.2.3', 'this network'],
    ['255.255.255.255', 'broadcast'],
    ['224.0.0.1', 'multicast'],
    ['ff02::1', 'multicast'],
    ['::', 'unspecified'],
    ['::a00:1', 'IPv4-compatible, which ipaddr.js calls unicast'],
    ['::7f00:1', 'IPv4-compatible'],
    ['::ffff:127.0.0.1', 'IPv4-mapped'],
    ['::ffff:0:7f00:1', 'IPv4-translated'],
  ])('%s is never dialled: %s', (text) => {
    expect(classOf(read(text))).toBe('never');
  });
});

describe('reading addresses', () => {
  it.each(['127.1', '0x7f.0.0.1', '2130706433', '0177.0.0.1', '127.0.0.1.', 'fe80::1%eth0', ''])(
    '%j is not read',
    (text) => {
      expect(readAddress(text)).toBeUndefined();
    },
  );

  it('knows an IPv4 address and its mapped form as the same', () => {
    expect(sameAddress(read('127.0.0.1'), read('::ffff:7f00:1'))).toBe(true);
    expect(sameAddress(read('127.0.0.1'), read('127.0.0.2'))).toBe(false);
  });

  it('reads blocks, and names as none', () => {
    const block = readBlock('10.0.0.0/8');
    expect(block && inBlock(read('10.9.8.7'), block)).toBe(true);
    expect(block && inBlock(read('11.0.0.1'), block)).toBe(false);
    expect(block && inBlock(read('::a09:807'), block)).toBe(false);
    expect(readBlock('10.0.0.0/33')).toBeUndefined();
    expect(readBlock('10.0.0.0/8/8')).toBeUndefined();
    expect(readBlock('example.com')).toBeUndefined();
    expect(readBlock('*')).toBeUndefined();
  });
});
