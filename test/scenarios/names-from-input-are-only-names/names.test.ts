// Names that mean something to JavaScript, to paths or to terminals are looked up as they stand, and not found.

import { afterAll, beforeAll, expect, test } from 'vitest';
import { fixture, sampleTool } from '../../support/fixtures.ts';
import { createTestHome, type TestHome } from '../../support/warder.ts';

const NAMES = [
  '__proto__',
  'constructor',
  'toString',
  'hasOwnProperty',
  '../operator',
  '../../etc/passwd',
  'text_echo\u0000',
  'text_echo\u202e',
  'x'.repeat(5000),
  '%2e%2e%2f',
  '*',
  '',
];

let home: TestHome;

beforeAll(async () => {
  home = await createTestHome();
  await home.ok(['tool', 'add', sampleTool('text')]);
});

afterAll(() => home.remove());

/** What a command line can hold, each with a title of bearable length. */
const SPOKEN = NAMES.filter((name) => !name.includes('\u0000')).map(
  (name) => [JSON.stringify(name.slice(0, 20)), name] as const,
);

test.each(SPOKEN)('%s as a tool', async (_, name) => {
  const done = await home.run(['--json', 'call', '--args', '{}', '--', name]);
  expect([2, 3], done.stderr).toContain(done.code);
  expect(done.stderr).not.toMatch(/[\u202e]/);
});

test.each(SPOKEN)('%s as a package, lease, receipt, approval or key', async (_, name) => {
  const nouns = ['tool', 'lease', 'receipts', 'approvals', 'keys'];
  const all = await Promise.all(
    nouns.map((noun) => home.run(['--json', noun, 'show', '--', name])),
  );
  expect(all.map(({ code }) => code)).toEqual(nouns.map(() => 2));
});

test.each(SPOKEN)('%s as the name of a new package', async (_, name) => {
  const done = await home.run(['--json', 'tool', 'add', fixture('minimal'), `--name=${name}`]);
  if (done.code === 0) {
    // A word that is a name like any other here.
    expect(name).toMatch(/^[A-Za-z]+$/);
    const listed = await home.ok<{ name: string }[]>(['tool', 'list']);
    expect(listed.map((one) => one.name).toSorted()).toEqual(['text', name].toSorted());
    await home.ok(['tool', 'remove', '--', name]);
  } else {
    expect(done.code).toBe(2);
  }
});

test.each(SPOKEN)('%s as an agent', async (_, name) => {
  const done = await home.run(['--json', 'call', 'text_echo', '--args', '{}', `--agent=${name}`]);
  expect([2, 7], done.stderr).toContain(done.code);
});

test('members called `__proto__` and `constructor` are members', async () => {
  const done = await home.run([
    '--json',
    'call',
    'text_echo',
    '--args',
    '{"text":"x","__proto__":{"a":1}}',
  ]);
  expect([2, 3]).toContain(done.code);
  const other = await home.run([
    '--json',
    'call',
    'text_echo',
    '--args',
    '{"text":"x","constructor":1}',
  ]);
  expect(other.code).toBe(3);
  const missing = await home.run([
    '--json',
    'call',
    'text_echo',
    '--args',
    '{"__proto__":{"text":"x"}}',
  ]);
  expect([2, 3]).toContain(missing.code);
});

test('and everything still works', async () => {
  expect((await home.run(['call', 'text_echo', '--args', '{"text":"ok"}'])).code).toBe(0);
});
