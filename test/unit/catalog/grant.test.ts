import { mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WarderError } from '../../../src/base/errors/errors.ts';
import { changeGrant } from '../../../src/catalog/change-grant.ts';
import { parseGrantFlags } from '../../../src/catalog/grant-flags.ts';
import {
  applyGrant,
  defaultLimits,
  describeGrant,
  emptyGrant,
} from '../../../src/catalog/grant.ts';
import { formatNetRule, parseNetRule } from '../../../src/catalog/net-rule.ts';
import type { Grant } from '../../../src/catalog/installation.ts';

async function refusal(work: () => unknown): Promise<string> {
  try {
    await work();
  } catch (error) {
    if (error instanceof WarderError && error.code === 'usage')
      return `${error.message} | ${error.hint ?? ''}`;
    throw error;
  }
  return 'taken';
}

const flags = (...words: string[]): Grant => applyGrant(emptyGrant, parseGrantFlags(words));

describe('net rules', () => {
  it('are read in full', () => {
    expect(parseNetRule('POST,GET https://Api.Example.com:8443/v1/**')).toEqual({
      methods: ['GET', 'POST'],
      scheme: 'https',
      host: 'api.example.com',
      port: 8443,
      path: '/v1/**',
    });
  });

  const read: readonly (readonly [string, string])[] = [
    ['GET https://example.com/', 'GET https://example.com/'],
    ['GET https://example.com:443/a', 'GET https://example.com/a'],
    ['* http://*.example.com/**', '* http://*.example.com/**'],
    ['GET https://bücher.example/', 'GET https://xn--bcher-kva.example/'],
    ['GET http://127.0.0.1:8080/**', 'GET http://127.0.0.1:8080/**'],
    ['GET http://10.0.0.0/8/**', 'GET http://10.0.0.0/8/**'],
    ['GET http://10.0.0.0/8:81/**', 'GET http://10.0.0.0/8:81/**'],
    ['GET http://10.1.2.3/32/8/x', 'GET http://10.1.2.3/8/x'],
    ['GET http://[::1]:9/x', 'GET http://[::1]:9/x'],
    ['GET http://[FD00:0:0::0]/8/x', 'GET http://[fd00::]/8/x'],
    ['GET http://localhost:1/x', 'GET http://localhost:1/x'],
  ];
  for (const [given, normal] of read) {
    it(`${given} is ${normal}`, () => {
      expect(formatNetRule(parseNetRule(given))).toBe(normal);
    });
  }

  const refused = [
    'https://example.com/',
    'GETT https://example.com/',
    'get https://example.com/',
    'GET ftp://example.com/',
    'GET HTTPS://example.com/',
    'GET https://example.com',
    'GET https://user@example.com/',
    'GET https://example.com/?q=1',
    'GET https://example.com/#x',
    'GET https://example.com\\@evil.example/',
    'GET https://*/x',
    'GET https://*.com/x',
    'GET https://a*.example.com/x',
    'GET https://example.com./x',
    'GET https://example.com:0/x',
    'GET https://example.com:70000/x',
    'GET https://example.com:080/x',
    'GET https://2130706433/x',
    'GET https://0x7f.1/x',
    'GET https://127.1/x',
    'GET http://[::ffff:127.0.0.1]/x',
    'GET http://[fe80::1%25eth0]/x',
    'GET http://10.0.0.1/8/x',
    'GET http://10.0.0.0/33/x',
    'GET https://example.com/a/../b',
    'GET https://example.com/a%2fb',
    'GET https://example.com/%2e%2e/b',
    'GET https://example.com/a b',
    'GET https://example.com/***',
    'GET https://exa_mple!.com/x',
    '',
    'GET',
  ];
  for (const rule of refused) {
    it(`refuses ${JSON.stringify(rule)}`, async () => {
      expect(await refusal(() => parseNetRule(rule))).not.toBe('taken');
    });
  }
});

describe('grant flags', () => {
  it('make a grant', () => {
    const grant = flags(
      '--allow-net', 'GET https://example.com/**',
      '--deny-net=GET https://example.com/private/**',
      '--allow-read', '/srv/docs:/docs',
      '--allow-write', '/srv/out',
      '--allow-env', 'LANG=C=D',
      '--allow-kv',
      '--config', 'unit=m',
      '--max-memory', '128MiB',
      '--timeout', '2s',
      '--secret', 'KEY@GET,POST,https://api.test/v1/**:Authorization=Bearer {}',
      '--unsafe-no-jail',
      '--price', 'web_fetch=7 EUR',
      '--price', 'web_fetch=5 EUR',
      '--price', 'pay=/total/amount EUR',
      '--category', 'web',
      '--category', 'payments',
      '--category', 'web',
      '--output-path', '/total',
      '--output-path=/items/*/name',
      '--max-requests', '5',
    ); // prettier-ignore
    expect(grant).toEqual({
      allowNet: [parseNetRule('GET https://example.com/**')],
      denyNet: [parseNetRule('GET https://example.com/private/**')],
      read: [{ host: '/srv/docs', guest: '/docs' }],
      write: [{ host: '/srv/out', guest: '/out' }],
      env: { LANG: 'C=D' },
      kv: true,
      config: { unit: 'm' },
      secrets: [
        {
          secret: 'KEY',
          to: parseNetRule('GET,POST https://api.test/v1/**'),
          header: 'authorization',
          template: 'Bearer {}',
        },
      ],
      prices: [
        { tool: 'web_fetch', currency: 'EUR', amount: 5 },
        { tool: 'pay', currency: 'EUR', pointer: '/total/amount' },
      ],
      categories: ['payments', 'web'],
      outputPaths: ['/items/*/name', '/total'],
      unsafeNoJail: true,
      limits: {
        ...defaultLimits,
        memoryBytes: 128 * 1024 ** 2,
        timeoutMs: 2000,
        requests: 5,
      },
    });
    expect(describeGrant(grant)).toEqual([
      'send GET https://example.com/**',
      'never send GET https://example.com/private/**',
      'read files below /srv/docs, which it sees as /docs',
      'write files below /srv/out, which it sees as /out',
      'see the environment variable LANG',
      'see the setting unit',
      'have the secret KEY@GET,POST,https://api.test/v1/**:authorization=Bearer {}',
      'cost web_fetch=5 EUR',
      'cost pay=/total/amount EUR',
      'be judged and counted as payments, web',
      'answer with nothing but /items/*/name, /total of what it says',
      'run without the jail of the operating system',
      'keep values in a key/value store of its own',
      'use up to 128 MiB of memory',
      'run up to 2 s per call',
      'send up to 5 requests per call',
    ]);
  });

  it('an unknown flag is an error that names what was meant', async () => {
    expect(await refusal(() => flags('--alow-net', 'x'))).toContain('did you mean `--allow-net`?');
    expect(await refusal(() => flags('--max-memroy', '1MiB'))).toContain(
      'did you mean `--max-memory`?',
    );
    expect(await refusal(() => flags('--reuse-instance'))).toContain('not available');
    expect(await refusal(() => flags('--max-request', '5'))).toContain(
      'did you mean `--max-requests`?',
    );
    expect(await refusal(() => flags('--secret', 'x'))).toContain('names no secret');
    for (const price of ['5 EUR', 'pay=-5 EUR', 'pay=0.5 EUR', 'pay=5 eur', 'pay=5', 'pay=/ EUR']) {
      expect(await refusal(() => flags('--price', price)), price).toContain('the price');
    }
    expect(await refusal(() => flags('stray'))).toContain('not a grant flag');
  });

  const refused = [
    ['--allow-net'],
    ['--max-memory', '64MB'],
    ['--max-memory', '64'],
    ['--max-memory', '99999GiB'],
    ['--timeout', '0s'],
    ['--timeout', '-5s'],
    ['--timeout', 'NaN'],
    ['--timeout', '1h'],
    ['--allow-env', 'A-B=1'],
    ['--allow-env', '__proto__=1'],
    ['--config', '__proto__=1'],
    ['--allow-env', 'HOME'],
    ['--allow-kv=yes'],
    ['--allow-read', 'relative/dir'],
    ['--allow-read', '/srv:/..'],
    ['--allow-read', '/srv:/a/../b'],
    ['--allow-read', '/srv/a:/', '--allow-read', '/srv/b:/x'],
    ['--allow-write', '/srv/b:/x', '--allow-write', '/srv/a:/'],
    ['--allow-read', '/srv/a:/x', '--allow-read', '/srv/b:/x/y'],
  ];
  for (const words of refused) {
    it(`refuses ${words.join(' ')}`, async () => {
      expect(await refusal(() => flags(...words))).not.toBe('taken');
    });
  }

  it('a directory may be all a tool sees', () => {
    const { read, write } = flags('--allow-read', '/srv:/', '--allow-write', '/srv:/');
    expect([read, write]).toEqual([[{ host: '/srv', guest: '/' }], [{ host: '/srv', guest: '/' }]]);
  });

  it('an environment variable without a value comes only from what is handed in', () => {
    const { entries } = parseGrantFlags(['--allow-env', 'TERM'], { environment: { TERM: 'x' } });
    expect(entries).toEqual([{ flag: 'allow-env', name: 'TERM', value: 'x' }]);
  });

  it('take back what they name, and only what was granted', async () => {
    const grant = flags(
      '--allow-net',
      'GET https://a.example/**',
      '--allow-env',
      'A=1',
      '--timeout',
      '9s',
      '--allow-kv',
    );
    const take = (...words: string[]): Grant =>
      applyGrant(grant, parseGrantFlags(words, { removing: true }), 'remove');
    expect(
      take(
        '--allow-net',
        'GET https://a.example/**',
        '--allow-env',
        'A',
        '--timeout',
        '--allow-kv',
      ),
    ).toEqual(emptyGrant);
    expect(await refusal(() => take('--allow-net', 'GET https://b.example/**'))).toContain(
      'not granted',
    );
    expect(await refusal(() => take('--config', 'x'))).toContain('not granted');
  });

  it('reset starts from nothing', () => {
    const grant = flags('--allow-kv', '--timeout', '9s');
    expect(applyGrant(grant, parseGrantFlags(['--allow-env', 'A=1']), 'reset')).toEqual({
      ...emptyGrant,
      env: { A: '1' },
    });
  });
});

describe('directories of a grant', () => {
  let root: string;
  beforeAll(async () => {
    root = await realpath(await mkdtemp(join(tmpdir(), 'warder-grant-')));
    await mkdir(join(root, 'home/tools'), { recursive: true });
    await mkdir(join(root, 'docs'));
    await writeFile(join(root, 'file'), '');
    await symlink(join(root, 'docs'), join(root, 'link'));
    await symlink(join(root, 'home'), join(root, 'sly'));
  });
  afterAll(() => rm(root, { recursive: true }));

  const grant = (...words: string[]): Promise<Grant> =>
    changeGrant(emptyGrant, words, 'add', [join(root, 'home')]);

  it('are kept as their real path', async () => {
    expect((await grant('--allow-read', `${root}/link:/docs`)).read).toEqual([
      { host: join(root, 'docs'), guest: '/docs' },
    ]);
  });

  it('must exist and be directories', async () => {
    expect(await refusal(() => grant('--allow-read', `${root}/missing:/x`))).toContain(
      'cannot be read',
    );
    expect(await refusal(() => grant('--allow-read', `${root}/file:/x`))).toContain(
      'not a directory',
    );
  });

  it("never reach warder's own home, from inside, from above or through a link", async () => {
    for (const path of ['home', 'home/tools', 'sly', 'sly/tools', '.']) {
      expect(await refusal(() => grant('--allow-write', `${join(root, path)}:/x`))).toContain(
        'own files',
      );
    }
    expect(await refusal(() => grant('--allow-read', '/:/x'))).toContain('own files');
  });

  it('are taken back by any name they have', async () => {
    const given = await grant('--allow-read', `${root}/docs:/docs`);
    expect((await changeGrant(given, ['--allow-read', `${root}/link`], 'remove', [])).read).toEqual(
      [],
    );
  });
});
