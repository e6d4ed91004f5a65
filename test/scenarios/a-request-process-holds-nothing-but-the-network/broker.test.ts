// What speaks to hostile servers has no key, no file, no environment; under each jail of this host it
// could not reach one either, whatever it is made to do.

import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { brokerPid, fetchOnce, testEgress, textOf } from '../../support/egress.ts';
import { workingJails } from '../../support/jails.ts';
import { loopbackServer, type LoopbackServer } from '../../support/loopback-server.ts';
import { commandLine, environmentOf, listeningPorts } from '../../support/processes.ts';
import { netRule, reachPermit } from '../../support/reach-permit.ts';

const jails = await workingJails();
if (jails.length === 0) console.error('SKIPPED: this host can make no jail');
const asRoot = process.getuid?.() === 0;

let server: LoopbackServer;
beforeAll(async () => {
  server = await loopbackServer((_, response) => response.end('served'));
});
afterAll(() => server[Symbol.asyncDispose]());

const permit = () =>
  reachPermit({
    allowNet: [
      netRule(`GET http://127.0.0.1:${server.port}/**`),
      netRule(`GET http://api.example:${server.port}/**`),
      netRule(`GET http://localhost:${server.port}/**`),
    ],
  });

it('without a jail: no environment, no inspector, no listener, a permission model that is on', async () => {
  process.env['WARDER_TEST_SECRET'] = 'of the daemon';
  try {
    await using egress = await testEgress();
    await fetchOnce(egress, permit(), { url: `http://127.0.0.1:${server.port}/` });
    const pid = brokerPid();
    expect(environmentOf(pid)).toEqual([]);
    expect(listeningPorts(pid)).toEqual([]);
    expect(commandLine(pid)).toEqual(
      expect.arrayContaining(['--disable-sigusr1', '--permission', '--allow-net']),
    );
    const files = commandLine(pid).filter((word) => word.startsWith('--allow-fs'));
    expect(files).toEqual([expect.stringMatching(/^--allow-fs-read=.*egress-broker\.mjs$/)]);
  } finally {
    delete process.env['WARDER_TEST_SECRET'];
  }
});

describe.each(jails.map((jail) => [jail.kind, jail] as const))('in %s', (_, jail) => {
  it('requests are served, to addresses and to names', async () => {
    await using egress = await testEgress({ jail });
    for (const host of ['127.0.0.1', 'api.example']) {
      const { reply } = await fetchOnce(egress, permit(), {
        url: `http://${host}:${server.port}/`,
      });
      expect(textOf(reply)).toBe('served');
    }
  });

  it.skipIf(!asRoot)('it is nobody, alone, in a root with next to nothing', async () => {
    await using egress = await testEgress({ jail });
    await fetchOnce(egress, permit(), { url: `http://127.0.0.1:${server.port}/` });
    const pid = brokerPid();
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    expect(status).toMatch(/^Uid:\s+65534\s+65534\s+65534\s+65534$/m);
    expect(status).toMatch(/^NoNewPrivs:\s+1$/m);
    expect(status).toMatch(/^CapEff:\s+0+$/m);
    expect(status).toMatch(/^CapPrm:\s+0+$/m);
    for (const space of ['pid', 'mnt', 'ipc', 'uts', 'user']) {
      expect(readlinkSync(`/proc/${pid}/ns/${space}`), space).not.toBe(
        readlinkSync(`/proc/self/ns/${space}`),
      );
    }
    const root = `/proc/${pid}/root`;
    // Names of directories that lead to Node and the bundle can be seen, wherever those stand.
    const leading = [process.execPath, import.meta.dirname].map((path) => path.split('/')[1]);
    for (const gone of ['home', 'root', 'tmp', 'var', 'proc']) {
      if (!leading.includes(gone)) expect(readdirSync(root)).not.toContain(gone);
    }
    const known = ['gai.conf', 'host.conf', 'hosts', 'nsswitch.conf', 'resolv.conf', 'services'];
    const etc = readdirSync(`${root}/etc`);
    expect(etc.filter((name) => !known.includes(name) && !name.startsWith('ld.so'))).toEqual([]);
  });
});
