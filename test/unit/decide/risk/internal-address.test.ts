// Addresses of the inside are found in whatever form they are written; others are left alone.

import { describe, expect, test } from 'vitest';
import { namesInternalAddress } from '../../../../src/decide/risk/internal-address.ts';

describe('internal', () => {
  test.each([
    '10.0.0.5',
    'ssh root@192.168.1.1, then',
    '172.16.3.4:8080',
    '127.0.0.1.',
    '0.0.0.0',
    '169.254.169.254',
    'http://169.254.169.254/latest/meta-data/',
    'http://2130706433/',
    'http://0x7f000001:80/x',
    '0x7f000001',
    'http://017700000001/',
    'http://127.1/',
    '0177.0.0.1',
    '0x7f.0.0.1',
    'http://user:pass@10.1.2.3/',
    'http://[::1]/',
    '::1',
    'fe80::1ff:fe23:4567:890a',
    'fd00:1234::1',
    '::ffff:10.0.0.1',
    'http://[::ffff:7f00:1]/',
    'http://127%2e0%2e0%2e1/',
    'http://１２７.0.0.1/',
    'localhost',
    'HTTP://LOCALHOST:3000',
    'printer.local',
    'vault.corp.internal/x',
    'metadata.google.internal',
    'nas.lan',
    'router.home.arpa',
  ])('%s', (text) => {
    expect(namesInternalAddress(text)).toBe(true);
    expect(namesInternalAddress(`see <${text}> now`)).toBe(true);
  });
});

describe('not internal', () => {
  test.each([
    '8.8.8.8',
    'https://example.com:8443/local?internal=1',
    'http://93.184.215.14/',
    'version 1.2.3',
    'at 10:20:30',
    'std::vector<int>',
    'the internal local area',
    'internal.example.com',
    'localhost.example.com',
    '2606:4700::1111',
    '2130706433',
    '1.2.3.4.5',
    '// a comment',
    '',
  ])('%s', (text) => {
    expect(namesInternalAddress(text)).toBe(false);
  });
});

test('a flood of odd hosts is not looked through to its end', () => {
  expect(namesInternalAddress('//8 '.repeat(5000))).toBe(true);
});
