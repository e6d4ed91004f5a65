// A disk that does not answer (stood in for by a stopped broker: a process in an uninterruptible read
// looks no different to the daemon). The naive form, which reads in the daemon, hangs with it.

import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { expect, it } from 'vitest';
import type { FilesReply } from '../../../src/reach/files/files.ts';
import { fileTree, permitFor } from '../../support/file-tree.ts';
import { testFiles } from '../../support/files.ts';

const DEADLINE_MS = 200;

it('the naive form: a process that opens by itself is as stuck as the disk, timers and all', async () => {
  using tree = fileTree();
  const fifo = join(tree.root, 'fifo');
  execFileSync('mkfifo', [fifo]);
  const script =
    `setTimeout(() => { console.log('on time'); process.exit(0); }, ${DEADLINE_MS});` +
    `require('node:fs').readFileSync(${JSON.stringify(fifo)});`;
  const naive = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'ignore'] });
  let said = '';
  naive.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()));
  await pause(10 * DEADLINE_MS);
  const gone = once(naive, 'exit');
  naive.kill('SIGKILL');
  await gone;
  expect(said).toBe('');
});

it('the call ends at its deadline, the others cleanly, the broker is gone and the next one works', async () => {
  using tree = fileTree();
  writeFileSync(join(tree.root, 'file'), 'inside');
  await using files = await testFiles();
  const [one, other, next] = [permitFor(tree.root), permitFor(tree.root), permitFor(tree.root)];
  const read = { op: 'file-read', path: '/data/file', offset: 0, length: 10 } as const;
  expect((await files.ask(one, read)).reply.ok).toBe(true);
  expect((await files.ask(other, read)).reply.ok).toBe(true);
  const [process_] = await files.files.processes();
  const pid = process_?.pid ?? 0;
  process.kill(pid, 'SIGSTOP');

  const session = files.files.open(one, () => undefined);
  const bystander: Promise<FilesReply> = files.ask(other, read).then(({ reply }) => reply);
  const abandoned = await session.serve(read, AbortSignal.timeout(DEADLINE_MS));
  expect(abandoned).toMatchObject({ ok: false, code: 'failed' });
  expect(await bystander).toMatchObject({ ok: false, code: 'failed' });
  expect(() => readFileSync(`/proc/${pid}/stat`)).toThrow();

  const { reply } = await files.ask(next, read);
  expect(reply.ok && Buffer.from(reply.bytes ?? []).toString()).toBe('inside');
}, 30_000);

it('a write that was under way is told as sent, one that was only staged is not', async () => {
  using tree = fileTree();
  await using files = await testFiles();
  const permit = permitFor(tree.root);
  const effects: string[] = [];
  const session = files.files.open(permit, ({ kind, state, target }) =>
    effects.push(`${kind} ${state} ${target}`),
  );
  const { signal } = new AbortController();
  expect((await session.serve({ op: 'file-stat', path: '/data' }, signal)).ok).toBe(true);
  const [broker] = await files.files.processes();
  process.kill(broker?.pid ?? 0, 'SIGSTOP');
  const data = Buffer.from('new');
  const writing = session.serve(
    { op: 'file-write', path: '/data/file', data },
    AbortSignal.timeout(DEADLINE_MS),
  );
  expect(session.underWay()).toMatchObject([{ kind: 'file-write', state: 'sent' }]);
  expect(await writing).toMatchObject({ ok: false });
  expect(effects).toContain('file-write sent /data/file');
});
