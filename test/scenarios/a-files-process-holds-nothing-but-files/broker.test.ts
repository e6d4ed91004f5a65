// What touches files for guests has no key, no environment and no network. Under each jail of this
// host it is shown what it could still do once it was taken over; without one it could do it all.

import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Jail } from '../../../src/base/process/jail-plan.ts';
import { createFiles } from '../../../src/reach/files/files.ts';
import { type FileTree, fileTree, permitFor } from '../../support/file-tree.ts';
import { testFiles } from '../../support/files.ts';
import { workingJails } from '../../support/jails.ts';
import { commandLine, environmentOf, listeningPorts } from '../../support/processes.ts';

const jails = await workingJails();
if (jails.length === 0) console.error('SKIPPED: this host can make no jail');
const escaped = resolve(import.meta.dirname, '../../fixtures/brokers/escaped-files.mjs');

let tree: FileTree;
let home: string;
let network: Server;
let operator: Server;
let port = 0;

beforeAll(async () => {
  tree = fileTree();
  home = join(tree.root, '.warder');
  mkdirSync(join(home, 'keys'), { recursive: true });
  mkdirSync(join(tree.root, 'granted'));
  writeFileSync(join(home, 'keys/signing'), 'key');
  writeFileSync(join(tree.root, 'granted/file'), 'inside');
  network = createServer((socket) => socket.destroy());
  operator = createServer((socket) => socket.destroy());
  await new Promise<void>((done) => network.listen(0, '127.0.0.1', done));
  await new Promise<void>((done) => operator.listen(join(home, 'operator.sock'), done));
  const address = network.address();
  port = typeof address === 'object' && address !== null ? address.port : 0;
});
afterAll(() => {
  network.close();
  operator.close();
  tree[Symbol.dispose]();
});

/** What a taken-over broker gets by each attempt. */
async function takenOver(jail: Jail | undefined): Promise<Record<string, string>> {
  const files = createFiles({ brokerPath: escaped, deny: [], hidden: [home], jail });
  const { signal } = new AbortController();
  const session = files.open(permitFor(join(tree.root, 'granted')), () => undefined);
  const got: Record<string, string> = {};
  const attempts = {
    key: `read ${join(home, 'keys/signing')}`,
    'listed home': `list ${home}`,
    'planted in home': `write ${join(home, 'planted')}`,
    network: `connect ${port}`,
    'operator socket': `connect ${join(home, 'operator.sock')}`,
    'daemon signalled': `kill ${process.pid}`,
    'memory of the daemon': `read /proc/${process.pid}/cmdline`,
    environment: 'environment',
    granted: `read ${join(tree.root, 'granted/file')}`,
  };
  try {
    for (const [name, attempt] of Object.entries(attempts)) {
      const path = `/data/${attempt}`;
      const read = { op: 'file-read', path, offset: 0, length: 1 << 16 } as const;
      const reply = await session.serve(read, signal);
      got[name] = reply.ok ? Buffer.from(reply.bytes ?? []).toString() : reply.message;
    }
  } finally {
    await files.close();
  }
  return got;
}

it('without a jail a broker that was taken over has the home, the sockets and the network', async () => {
  expect(await takenOver(undefined)).toMatchObject({
    key: 'key',
    'planted in home': 'undefined',
    network: 'connected',
    'operator socket': 'connected',
    'daemon signalled': 'true',
    environment: '{}',
    granted: 'inside',
  });
});

describe.each(jails.map((jail) => [jail.kind, jail] as const))('in %s', (_, jail) => {
  it('it has the files of the host, and nothing of warder', async () => {
    const got = await takenOver(jail);
    const refused = expect.stringMatching(/^refused: /) as string;
    expect(got).toMatchObject({
      key: refused,
      'listed home': '',
      'planted in home': refused,
      network: refused,
      'operator socket': refused,
      'memory of the daemon': refused,
      // The shell that builds the jail says where it is.
      environment: '{"PWD":"/"}',
      granted: 'inside',
    });
    expect(got['daemon signalled']).toMatch(/^refused: ESRCH|^true$/);
  });

  it('the true one reads and writes what is granted', async () => {
    await using files = await testFiles({ jail, hidden: [home], deny: [home] });
    const permit = permitFor(join(tree.root, 'granted'));
    const data = Buffer.from('written');
    expect((await files.write(permit, '/data/made', data)).reply).toMatchObject({ ok: true });
    const { reply } = await files.read(permit, '/data/made', 0, 10);
    expect(reply.ok && Buffer.from(reply.bytes ?? []).toString()).toBe('written');
    const above = permitFor(tree.root);
    expect((await files.read(above, '/data/.warder/keys/signing', 0, 10)).reply.ok).toBe(false);
    const [broker] = await files.files.processes();
    const pid = broker?.pid ?? 0;
    expect(environmentOf(pid)).toEqual(['PWD=/']);
    expect(listeningPorts(pid)).toEqual([]);
    expect(commandLine(pid)).toContain('--disable-sigusr1');
  });
});
