// Runaway guests are ended within their limits, leave a receipt, and the next call works.

import { afterAll, beforeAll, expect, test } from 'vitest';
import { fixture, sampleTool } from '../support/fixtures.ts';
import { createTestHome, type TestHome } from '../support/warder.ts';

/** What a call may take beyond its deadline: starting the command, two busy cores. */
const GRACE_MS = 6000;

let home: TestHome;

beforeAll(async () => {
  home = await createTestHome();
  await home.ok(['tool', 'add', sampleTool('text')]);
});

afterAll(() => home.remove());

test.each([
  ['loop', 'tool-limit'],
  ['poll-sleep', 'tool-limit'],
  ['grow', 'tool-limit'],
  ['blocks', 'tool-limit|tool-failed'],
  ['vars', 'tool-limit|tool-failed'],
  ['log-flood', 'tool-limit'],
  ['host-flood', 'tool-limit'],
  ['big-output', 'tool-limit|tool-failed'],
  ['deep-recursion', 'tool-failed'],
  ['trap', 'tool-failed'],
  ['error', 'tool-failed'],
  ['silent', 'tool-failed'],
  ['proc-exit', 'tool-failed'],
  ['proc-raise', 'tool-failed'],
  ['garbage', 'tool-failed'],
  ['garbage-shape', 'tool-failed'],
  ['garbage-utf8', 'tool-failed'],
])('%s ends with %s, and the next call works', async (name, codes) => {
  await home.ok(['tool', 'add', fixture(name), '--timeout', '1s', '--max-memory', '32MiB']);
  try {
    const start = performance.now();
    const done = await home.run(['--json', 'call', name]);
    const took = performance.now() - start;
    expect(done.code, done.stderr).toBe(5);
    const { error, receipt } = done.json<{ error: { code: string }; receipt: { id: string } }>();
    expect(codes.split('|')).toContain(error.code);
    expect(took).toBeLessThan(1000 + GRACE_MS);
    const shown = await home.ok<{ outcome: string }>(['receipts', 'show', receipt.id]);
    expect(['limit', 'failed', 'crashed']).toContain(shown.outcome);
    const next = await home.ok<{ content: unknown }>([
      'call',
      'text_echo',
      '--args',
      '{"text":"ok"}',
    ]);
    expect(next.content).toEqual([{ type: 'text', text: 'ok' }]);
    const { executors } = await home.ok<{ executors: { busy: number } }>(['status']);
    expect(executors.busy).toBe(0);
  } finally {
    await home.ok(['tool', 'remove', name]);
  }
});

test.each(['typed-loop', 'start-loop', 'describe-loop'])(
  'a package that spins at admission (%s) is refused, and the daemon lives',
  async (name) => {
    const start = performance.now();
    const done = await home.run(['--json', 'tool', 'add', fixture(name)]);
    // A component that spins only when called may be admitted: then the call is ended.
    if (done.code === 0) {
      const [tool] = done.json<{ installation: { tools: { name: string }[] } }>().installation
        .tools;
      await home.ok(['tool', 'grant', name, '--timeout', '1s']);
      expect((await home.run(['call', tool?.name ?? ''])).code).toBe(5);
    } else {
      expect(done.code).toBe(2);
      expect(done.json<{ error: { code: string } }>().error.code).toBe('not-admitted');
    }
    expect(performance.now() - start).toBeLessThan(15_000);
    expect((await home.run(['call', 'text_echo', '--args', '{"text":"ok"}'])).code).toBe(0);
  },
  30_000,
);

test('a fixture that answers still answers after all of that', async () => {
  await home.ok(['tool', 'add', fixture('minimal')]);
  expect((await home.run(['call', 'minimal'])).stdout).toContain('hello');
});

test('lines and escapes in what a guest logs stay data', async () => {
  await home.ok(['tool', 'add', fixture('log-forge')]);
  const done = await home.run(['call', 'log-forge']);
  expect(done.code).toBe(0);
  expect(`${done.stdout}${done.stderr}`).not.toContain('\u001b');
});
