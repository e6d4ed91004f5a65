// What code finds that broke out of the guest into the executor's JavaScript: started by the sandbox
// with the flags of every executor, it looks for everything worth having.

import { readFileSync, readlinkSync } from 'node:fs';
import { resolve } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { oldestNode } from '../../support/oldest-node.ts';
import { createTestSandbox, fixture, type TestSandbox } from '../../support/sandbox.ts';

const executorPath = resolve(import.meta.dirname, '../../fixtures/executors/rogue.mjs');

let opened: TestSandbox | undefined;
afterEach(async () => {
  await opened?.sandbox.close();
  delete process.env['WARDER_TEST_SECRET'];
});

test('no environment, no files, no network, no processes, no threads, no inspector, no eval', async () => {
  process.env['WARDER_TEST_SECRET'] = 'do not pass on';
  opened = await createTestSandbox({ executorPath });
  const outcome = await opened.call(new Uint8Array([0]), 'loot', {});
  if (outcome.kind !== 'answered') throw new Error(JSON.stringify(outcome));
  const [piece] = outcome.answer.content;
  expect(JSON.parse(piece?.type === 'text' ? piece.text : '')).toEqual({
    environment: '',
    file: 'ERR_ACCESS_DENIED',
    list: 'ERR_ACCESS_DENIED',
    write: 'ERR_ACCESS_DENIED',
    child: 'ERR_ACCESS_DENIED',
    net: 'ERR_ACCESS_DENIED',
    worker: 'ERR_ACCESS_DENIED',
    inspector: 'ERR_ACCESS_DENIED',
    eval: 'EvalError',
    wasi: 'ERR_ACCESS_DENIED',
    cwd: '/',
  });
});

test('the process itself: empty environment, root directory, no new privileges', async () => {
  opened = await createTestSandbox();
  await opened.call(fixture('plain'), 'upper', { input: 'a' });
  const [executor] = opened.sandbox.stats.executors;
  const proc = `/proc/${executor?.pid}`;
  expect(readFileSync(`${proc}/environ`)).toHaveLength(0);
  expect(readlinkSync(`${proc}/cwd`)).toBe('/');
  const args = readFileSync(`${proc}/cmdline`, 'utf8').split('\0');
  expect(args).toContain('--permission');
  expect(args).toContain('--disable-sigusr1');
  expect(args.filter((arg) => arg.startsWith('--allow-'))).toHaveLength(1);
  expect(readFileSync(`${proc}/status`, 'utf8')).toMatch(/^NoNewPrivs:\t1$/m);
  // Its own process group, so that a kill reaches whatever it may have started.
  expect(readFileSync(`${proc}/stat`, 'utf8').split(') ')[1]?.split(' ')[2]).toBe(
    String(executor?.pid),
  );
});

test('the executor works on the oldest line of Node as well', async () => {
  opened = await createTestSandbox({ node: await oldestNode() });
  expect(await opened.call(fixture('plain'), 'upper', { input: 'node' })).toMatchObject({
    kind: 'answered',
    answer: { content: [{ text: 'NODE' }] },
  });
  expect(await opened.call(fixture('trap'), 'trap', {})).toMatchObject({ kind: 'failed' });
});
