// What is kept of a principal's use of a tool: per tenant, by the hour, and forgotten after a while.

import { beforeEach, expect, test } from 'vitest';
import { openMemoryStore } from '../../../../src/base/store/memory/memory-store.ts';
import type { Store } from '../../../../src/base/store/store.ts';
import {
  countToolUse,
  isUnusualVolume,
  readToolUse,
  type ToolUse,
  toolUseTable,
} from '../../../../src/decide/risk/tool-use.ts';

const HOUR = 3_600_000;
const START = 1_700_000_000_000 - (1_700_000_000_000 % HOUR);
const USER = { tenant: 'default', principal: 'alice', tool: 'text_echo' };

let store: Store;
beforeEach(() => {
  store = openMemoryStore({ tables: [toolUseTable], sequences: [] });
});

const use = (user = USER): ToolUse | undefined => store.read((reader) => readToolUse(reader, user));
const call = (now: number, digest = 'd1', user = USER): Promise<void> =>
  store.commit((tx) => countToolUse(tx, user, digest, now));

test('is kept apart by tenant, principal and tool', async () => {
  await call(START);
  expect(use()).toMatchObject({ firstAt: START, digest: 'd1', count: 1 });
  expect(use({ ...USER, tenant: 'other' })).toBeUndefined();
  expect(use({ ...USER, principal: 'bob' })).toBeUndefined();
  expect(use({ ...USER, tool: 'text_echo2' })).toBeUndefined();
});

test('knows the last version', async () => {
  await call(START);
  await call(START + 1, 'd2');
  expect(use()).toMatchObject({ firstAt: START, lastAt: START + 1, digest: 'd2', count: 2 });
});

test('sixty calls in an hour are never many; more are, unless it was ever so', async () => {
  for (let at = 0; at < 60; at += 1) {
    expect(use() !== undefined && isUnusualVolume(use() as ToolUse, START)).toBe(false);
    await call(START + at);
  }
  expect(isUnusualVolume(use() as ToolUse, START + 60)).toBe(true);
  // An hour later: up to three times as many as the busiest hour before.
  const later = START + HOUR;
  expect(isUnusualVolume(use() as ToolUse, later)).toBe(false);
  for (let at = 0; at < 180; at += 1) await call(later + at);
  expect(use()).toMatchObject({ count: 180, before: [60] });
  expect(isUnusualVolume(use() as ToolUse, later)).toBe(true);
});

test('keeps no more than a day of hours, whatever comes', async () => {
  for (let hour = 0; hour < 40; hour += 1) await call(START + hour * HOUR);
  expect(use()?.before).toHaveLength(24);
});

test('a clock set back counts in the last hour', async () => {
  await call(START + HOUR);
  await call(START);
  expect(use()).toMatchObject({ count: 2, before: [] });
});

test('what nobody repeated is forgotten near a new one', async () => {
  const rows = (): number => store.read((reader) => reader.list(toolUseTable, 'default')).length;
  for (let at = 0; at < 200; at += 1) await call(START, 'd', { ...USER, principal: `old${at}` });
  const later = START + 91 * 24 * HOUR;
  for (let at = 0; at < 200; at += 1) await call(later, 'd', { ...USER, principal: `new${at}` });
  expect(rows()).toBeLessThan(260);
  expect(rows()).toBeGreaterThanOrEqual(200);
});
