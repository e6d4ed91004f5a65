import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseTarget, resolveTarget } from '../../../src/reach/egress/target.ts';

describe('a URL has one spelling', () => {
  it.each([
    ['http://a@b.example/', 'user name'],
    ['http://:@b.example/', 'empty user name'],
    ['http://0x7f.1/', 'hexadecimal'],
    ['http://127.1/', 'short address'],
    ['http://2130706433/', 'decimal address'],
    ['http://0177.0.0.1/', 'octal'],
    ['http://127.0.0.1./', 'trailing dot on an address'],
    ['http://b.example./', 'trailing dot'],
    ['http://b%2eexample/', 'encoded dot'],
    ['http://ⓛocalhost/', 'compatibility character'],
    ['http://b。example/', 'ideographic full stop'],
    ['http://[0:0:0:0:0:0:0:1]/', 'long address'],
    ['http://[::ffff:127.0.0.1]/', 'mapped address in dotted form'],
    ['http://[fe80::1%25eth0]/', 'zone'],
    ['http://b.example:080/', 'port with a leading zero'],
    ['http://b.example:0/', 'port 0'],
    ['http://b.example:/', 'empty port'],
    ['http://b.example:99999/', 'port too large'],
    ['http:b.example/', 'no slashes'],
    ['http:///b.example/', 'three slashes'],
    ['http:\\\\b.example\\', 'backslashes'],
    ['http://b.example\\@c.example/', 'backslash before an at sign'],
    ['http://b.example\t/', 'tab'],
    ['\nhttp://b.example/', 'leading line feed'],
    ['http://b.example/\r\nX: y', 'CR LF'],
    ['ftp://b.example/', 'other scheme'],
    ['file:///etc/passwd', 'file'],
    ['//b.example/', 'no scheme'],
    ['http://b..example/', 'empty label'],
    ['http://-b.example/', 'label that starts with a hyphen'],
    ['http://b.example/a%2fb', 'hidden slash'],
    ['http://b.example/a%5Cb', 'hidden backslash'],
    ['http://b.example/a%00b', 'hidden NUL'],
    ['http://b.example/%252e%252e/', 'encoded twice'],
    ['http://b.example/%zz', 'bad encoding'],
    ['http://b.example/\ud800', 'lone surrogate'],
  ])('%j is refused: %s', (url) => {
    expect(() => parseTarget(url)).toThrow(
      expect.objectContaining({ name: 'EgressRefusal', code: 'invalid' }),
    );
  });

  it.each(['http://a@b.example/', 'http://a:b@b.example/', 'http://@b.example/'])(
    'says of %j that it carries credentials',
    (url) => {
      expect(() => parseTarget(url)).toThrow('no user name or password');
    },
  );

  it.each([
    ['HTTP://B.Example/A', 'http://b.example/A'],
    ['http://b.example:80', 'http://b.example/'],
    ['https://b.example:443/x?y=1#z', 'https://b.example/x?y=1'],
    ['https://b.example:8443/x', 'https://b.example:8443/x'],
    ['http://[::1]:8080/', 'http://[::1]:8080/'],
    ['http://b.example/a/../b/./c', 'http://b.example/b/c'],
    ['http://b.example/%61%2D%e9', 'http://b.example/a-%E9'],
    ['http://b.example/%2e%2e/a', 'http://b.example/a'],
    ['http://xn--bcher-kva.example/', 'http://xn--bcher-kva.example/'],
  ])('%j is sent as %j', (url, sent) => {
    expect(parseTarget(url).url).toBe(sent);
  });

  it('what was accepted once is accepted again, unchanged', () => {
    fc.assert(
      fc.property(fc.webUrl({ withQueryParameters: true, withFragments: true }), (url) => {
        let once;
        try {
          once = parseTarget(url);
        } catch {
          return;
        }
        expect(parseTarget(once.url)).toEqual(once);
      }),
    );
  });
});

describe('redirects', () => {
  const from = parseTarget('http://a.example/x/y?z=1');

  it.each([
    ['/b', 'http://a.example/b'],
    ['c', 'http://a.example/x/c'],
    ['?q', 'http://a.example/x/y?q'],
    ['//b.example/c', 'http://b.example/c'],
    ['https://b.example/c', 'https://b.example/c'],
  ])('%j leads to %j', (location, url) => {
    expect(resolveTarget(location, from).url).toBe(url);
  });

  it.each([
    '\\\\b.example/',
    '/\\b.example/',
    '/\t/b.example/',
    'http:b.example',
    'javascript:alert(1)',
    'http://u@b.example/',
    'http://2130706433/',
  ])('%j is refused', (location) => {
    expect(() => resolveTarget(location, from)).toThrow(
      expect.objectContaining({ code: 'invalid' }),
    );
  });
});
