import { describe, expect, it } from 'vitest';
import { readAddress } from '../../../src/catalog/address.ts';
import { compileRules } from '../../../src/reach/egress/rules.ts';
import { parseTarget } from '../../../src/reach/egress/target.ts';
import { netRule } from '../../support/reach-permit.ts';

function rules(allow: readonly string[], deny: readonly string[] = []) {
  return compileRules(allow.map(netRule), deny.map(netRule));
}

const covers = (allow: string, method: string, url: string): boolean =>
  rules([allow]).coversRequest(method, parseTarget(url));

describe('allow rules', () => {
  it.each([
    ['GET http://a.example/**', 'GET', 'http://a.example/x/y', true],
    ['GET,POST http://a.example/**', 'POST', 'http://a.example/', true],
    ['* http://a.example/**', 'PATCH', 'http://a.example/', true],
    ['GET http://a.example/**', 'POST', 'http://a.example/', false],
    ['GET http://a.example/**', 'GET', 'https://a.example/', false],
    ['GET http://a.example/**', 'GET', 'http://a.example:8080/', false],
    ['GET http://a.example:8080/**', 'GET', 'http://a.example:8080/', true],
    ['GET http://a.example/**', 'GET', 'http://b.a.example/', false],
    ['GET http://a.example/**', 'GET', 'http://evila.example/', false],
    ['GET http://*.a.example/**', 'GET', 'http://b.a.example/', true],
    ['GET http://*.a.example/**', 'GET', 'http://c.b.a.example/', true],
    ['GET http://*.a.example/**', 'GET', 'http://a.example/', false],
    ['GET http://*.a.example/**', 'GET', 'http://evila.example/', false],
    ['GET http://*/**', 'GET', 'http://anything.example/', true],
    ['GET http://*/**', 'GET', 'http://93.184.215.14/', false],
    ['GET http://93.184.215.0/24/**', 'GET', 'http://93.184.215.14/', true],
    ['GET http://93.184.215.0/24/**', 'GET', 'http://93.184.216.14/', false],
    ['GET http://a.example/v1/*', 'GET', 'http://a.example/v1/x', true],
    ['GET http://a.example/v1/*', 'GET', 'http://a.example/v1/x/y', false],
    ['GET http://a.example/v1/**', 'GET', 'http://a.example/v1/../v2', false],
    ['GET http://a.example/v1/**', 'GET', 'http://a.example/v1/%2e%2e/v2', false],
  ])('%s, %s %s: %s', (rule, method, url, covered) => {
    expect(covers(rule, method, url)).toBe(covered);
  });
});

describe('deny rules', () => {
  it.each([
    '/admin/x',
    '/admin',
    '/admin/',
    '/ADMIN/x',
    '/%61dmin/x',
    '//admin/x',
    '/admin;v=1/x',
    '/admin%3Bv=1/x',
  ])('beat allow rules for %s', (path) => {
    const both = rules(['GET http://a.example/**'], ['GET http://a.example/admin/**']);
    expect(both.coversRequest('GET', parseTarget(`http://a.example${path}`))).toBe(false);
    expect(both.coversRequest('GET', parseTarget('http://a.example/public'))).toBe(true);
  });

  it('may be spelled in percent-encoding themselves', () => {
    const both = rules(['GET http://a.example/**'], ['GET http://a.example/%61dmin%28x/**']);
    for (const path of ['/admin(x/y', '/admin%28x/y', '/%61DMIN%28x/y']) {
      expect(both.coversRequest('GET', parseTarget(`http://a.example${path}`))).toBe(false);
    }
  });

  it('by address hold for a name that stands for it', () => {
    const both = rules(['GET http://a.example/**'], ['* http://93.184.215.0/24/**']);
    const target = parseTarget('http://a.example/');
    const address = readAddress('93.184.215.14');
    expect(address && both.coversAddress('GET', target, address)).toBe(false);
  });
});

describe('special addresses', () => {
  const loopback = readAddress('127.0.0.1') ?? expect.fail();
  const target = parseTarget('http://a.example/x');

  it('are not reached through a name', () => {
    expect(rules(['* http://*/**']).coversAddress('GET', target, loopback)).toBe(false);
  });

  it('are reached when a rule gives the address for that very request', () => {
    const given = (address: string) =>
      rules(['* http://*/**', address]).coversAddress('GET', target, loopback);
    expect(given('GET http://127.0.0.1/**')).toBe(true);
    expect(given('GET http://127.0.0.0/8/**')).toBe(true);
    expect(given('POST http://127.0.0.1/**')).toBe(false);
    expect(given('GET http://127.0.0.1:81/**')).toBe(false);
    expect(given('GET http://127.0.0.1/y/**')).toBe(false);
  });

  it('of another family inside are reached by no rule', () => {
    const mapped = readAddress('::ffff:7f00:1') ?? expect.fail();
    const open = rules(['* http://*/**', '* http://[::]/0/**', '* http://0.0.0.0/0/**']);
    expect(open.coversAddress('GET', target, mapped)).toBe(false);
  });
});
