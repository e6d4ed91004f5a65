// Categories, trust and budgets through the built command: what the operator says is what the next call
// meets.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Explanation } from '../../src/front/console/operations.ts';
import { sampleTool } from '../support/fixtures.ts';
import { createTestHome, type Finished, type TestHome } from '../support/warder.ts';

let home: TestHome;

beforeAll(async () => {
  home = await createTestHome();
  await home.ok(['tool', 'add', sampleTool('text'), '--category', 'payments']);
  writeFileSync(
    join(home.root, 'policy', '50-trust.cedar'),
    `@id("payments-need-trust")
forbid (principal, action in Action::"call", resource in Category::"payments")
unless { context.trust.level >= 50 && context.lease.depth == 0 };`,
  );
  await home.ok(['policy', 'set']);
});

afterAll(() => home.remove());

const call = (): Promise<Finished> =>
  home.run(['--json', 'call', 'text_echo', '--args', '{"text":"x"}']);

test('a package in a category needs trust, which ends when it is taken away', async () => {
  expect((await call()).code).toBe(3);
  await home.ok(['trust', 'set', 'agent:default', '--level', '50', '--expires', '1h']);
  expect((await call()).code).toBe(0);
  await home.ok(['trust', 'remove', 'agent:default']);
  expect((await call()).code).toBe(3);
  await home.ok(['tool', 'grant', 'text', '--remove', '--category', 'payments']);
  expect((await call()).code).toBe(0);
  const report = await home.ok<{ warnings: string[] }>(['policy', 'check']);
  expect(report.warnings.join()).toContain('no package is in the category `payments`');
});

test('a budget of a category covers its packages alone', async () => {
  const budget = ['budget', 'set', 'web', '--limit', '1', '--per', 'day', '--category', 'w*'];
  await home.ok([...budget, '--each', 'category,agent,lease']);
  await home.ok(['tool', 'grant', 'text', '--category', 'web']);
  await home.ok(['budget', 'set', 'elsewhere', '--limit', '0', '--per', 'day', '--tenant', 'acme']);
  expect((await call()).code).toBe(0);
  const budgets = await home.ok<{ uses: { who: object; taken: number }[] }[]>(['budget', 'list']);
  expect(budgets).toHaveLength(1);
  expect(budgets[0]?.uses).toMatchObject([{ who: { category: 'web' }, taken: 1 }]);
});

test('a call is explained by what its permit is made of', async () => {
  const asked = ['policy', 'explain', 'text_echo', '--args', '{"text":"x"}'];
  const explained = await home.ok<Explanation>(asked);
  expect(explained.preview.verdict).toBe('auto_approve');
  expect(explained.grant?.may).toEqual(['be judged and counted as web']);
  expect(explained.lease).toMatchObject([{ principal: 'agent:default', depth: 0 }]);
  expect(explained.reach).toMatchObject({ net: [], read: [], write: [], kv: false, secrets: [] });
  expect(explained.rules.map(({ id }) => id)).toEqual(['calls-within-the-lease']);
});
