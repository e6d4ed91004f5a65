// Rules without Cedar through the built command: compiled, checked, put in force, met by calls, explained.

import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { sampleTool } from '../support/fixtures.ts';
import { createTestHome, type Finished, type TestHome } from '../support/warder.ts';

let home: TestHome;
const file = (): string => join(home.root, 'policy', '40-text.rules.json');

beforeAll(async () => {
  home = await createTestHome();
  await home.ok(['tool', 'add', sampleTool('text')]);
});

afterAll(() => home.remove());

const call = (args: object = { text: 'x' }): Promise<Finished> =>
  home.run(['--json', 'call', 'text_echo', '--args', JSON.stringify(args)]);

test('a bad file is refused with its line, and what is in force stays', async () => {
  const { digest } = await home.ok<{ digest: string }>(['policy', 'show']);
  writeFileSync(file(), '{"rules": [\n{"name": "a", "effect": "deny",\n"tool": ["text_echo"]}]}');
  for (const command of ['check', 'set', 'compile']) {
    const refused = await home.run(['policy', command]);
    expect(refused.code).toBe(2);
    expect(refused.stderr).toContain('40-text.rules.json:2: `rules[0]` has no member `tool`');
    expect(refused.stderr).toContain('did you mean `tools`?');
  }
  expect((await home.ok<{ digest: string }>(['policy', 'show'])).digest).toBe(digest);
  expect((await call()).code).toBe(0);
});

test('a rule asks within its ceiling and refuses beyond, and is explained', async () => {
  const argumentsOf = (...texts: readonly string[]): object[] => [
    { type: 'tool.call', tools: ['text_echo'], arguments: { text: { in: texts } } },
  ];
  writeFileSync(
    file(),
    `// a comment
{"rules": [{
  "name": "words", "effect": "require-approval", "reason": "an unusual word",
  "tools": ["text_echo"],
  "unless": { "ceiling": ${JSON.stringify(argumentsOf('x'))} },
  "ceiling": ${JSON.stringify(argumentsOf('x', 'y'))},
}]}`,
  );
  const compiled = await home.run(['policy', 'compile', file()]);
  expect(compiled.stdout).toContain('@id("words")\n@approval("an unusual word")\nforbid');
  await home.ok(['policy', 'set']);
  expect((await call()).code).toBe(0);
  expect((await call({ text: 'y' })).code).toBe(4);
  const refused = await call({ text: 'z' });
  expect(refused.code).toBe(3);
  expect(refused.stdout).not.toContain('words');
  const [, id = ''] = /(rule_[0-9a-f]{16})/.exec(refused.stdout) ?? [];
  const explained = await home.run(['policy', 'explain', id]);
  expect(explained.stdout).toMatch(/\/\/ rule_\w+ "words(?::beyond)?" at 40-text\.rules\.json:2/);
  expect(explained.stdout).toContain('context.within.contains("ceiling_');
});

test('a rate is listed with the budgets, survives a restart, and goes with its rule only', async () => {
  writeFileSync(
    file(),
    '{"rules": [{"name": "slow", "effect": "limit", "rate": {"calls": 2, "per": "day"}}]}',
  );
  await home.ok(['policy', 'set']);
  expect((await call()).code).toBe(0);
  await home.run(['stop']);
  expect((await call()).code).toBe(0);
  expect((await call()).code).toBe(3);
  const budgets = await home.ok<{ budget: { name: string }; uses: { taken: number }[] }[]>([
    'budget',
    'list',
  ]);
  expect(budgets).toMatchObject([{ budget: { name: 'rule:slow' }, uses: [{ taken: 2 }] }]);
  const removed = await home.run(['budget', 'remove', 'rule:slow']);
  expect(removed.code).toBe(2);
  expect(removed.stderr).toContain('change or take away the rule');
  rmSync(file());
  await home.ok(['policy', 'set']);
  expect((await call()).code).toBe(0);
  expect(await home.ok(['budget', 'list'])).toEqual([]);
});
