// The gate without a sandbox: every room but the runner, over SQLite, with little and with much stored.

import { strict as assert } from 'node:assert';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openSqliteStore } from '../../src/base/store/sqlite/sqlite-store.ts';
import { sequences, tables } from '../../src/front/daemon/tables.ts';
import { prepareLease } from '../../src/trust/lease/issue-lease.ts';
import { openMemorySigner } from '../../src/trust/signer/memory/memory-signer.ts';
import { type FakeConnection, type FakeGate, openGate } from '../fakes/gate.ts';
import { ALL_CAPABILITIES, ECHO, installed, NOW } from '../support/decision.ts';
import { median, type Report } from './report.ts';

const LITTLE = { leases: 10, tools: 5 };
const MUCH = { leases: 100_000, tools: 1_000 };
const CALLS = 2_000;
const WARM_UP = 300;
const PER_COMMIT = 2_000;

/**
 * `gate-scale`: a governed call with much stored, against one with little; `gate-scale-cpu`: the same
 * without the disk, which hides the rest where it is slow.
 */
export async function benchGate(report: Report): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'warder-bench-gate-'));
  const little = await openFilled(join(folder, 'little.db'), LITTLE);
  const much = await openFilled(join(folder, 'much.db'), MUCH);
  try {
    const times: [number[], number[]] = [[], []];
    const cpu: [number, number] = [0, 0];
    for (let at = 0; at < WARM_UP + CALLS; at += 1) {
      // In turn, so that whatever else the machine does meets both.
      const order = at % 2 === 0 ? ([0, 1] as const) : ([1, 0] as const);
      for (const which of order) {
        const before = process.cpuUsage();
        const time = await timedCall(which === 0 ? much.agent : little.agent, at);
        const { user } = process.cpuUsage(before);
        if (at < WARM_UP) continue;
        times[which].push(time);
        cpu[which] += user / CALLS;
      }
    }
    const control = `${LITTLE.leases} leases, ${LITTLE.tools} tools stored`;
    report.ratio('gate-scale', median(times[0]), 'us p50', control, median(times[1]));
    report.ratio('gate-scale-cpu', cpu[0], 'us user', control, cpu[1]);
  } finally {
    await little.gate.store.close();
    await much.gate.store.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function timedCall(agent: FakeConnection, at: number): Promise<number> {
  const start = performance.now();
  const { kind } = await agent.call({ text: `text ${at}`, count: at });
  const time = performance.now() - start;
  assert.equal(kind, 'answered');
  return time * 1000;
}

/** A gate over a file with so many leases of others and so many tools. */
async function openFilled(
  path: string,
  { leases, tools }: typeof LITTLE,
): Promise<{ readonly gate: FakeGate; readonly agent: FakeConnection }> {
  const gate = await openGate({ store: openSqliteStore({ path, tables, sequences }) });
  const { parts } = gate;
  await parts.store.commit((tx) => {
    for (let at = 1; at < tools; at += 1) {
      const definition = { ...ECHO, name: `tool_${at}` };
      const installation = { ...installed({}, [definition]), id: `inst_${at}`, name: `t-${at}` };
      parts.catalog.add(tx, 'default', installation);
    }
  });
  const { key } = openMemorySigner('ES256', { roles: ['lease'], admitters: [] });
  for (let made = 0; made < leases; made += PER_COMMIT) {
    await parts.store.commit((tx) => {
      for (let at = made; at < Math.min(leases, made + PER_COMMIT); at += 1) {
        const terms = {
          origin: 'warder.invalid/log/0123456789abcdef',
          principal: `agent:${at % 100}`,
          tenant: 'default',
          capabilities: ALL_CAPABILITIES,
          ttlSeconds: 86_400,
          cnf: { conn: `c-${at}` },
        };
        parts.leases.record(tx, prepareLease(terms, key, NOW, randomBytes(16)), 'default');
      }
    });
  }
  return { gate, agent: gate.connect() };
}
