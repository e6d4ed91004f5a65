import { describe, expect, it } from 'vitest';
import type { Asked } from '../../../../src/decide/rules/conditions.ts';
import { ConditionTable } from '../../../../src/decide/rules/conditions.ts';
import type { Capability } from '../../../../src/trust/lease/lease.ts';

const lease = (...capabilities: readonly Capability[]): Asked => ({
  kind: 'lease',
  principal: 'agent:desk',
  tenant: 'default',
  agent: 'desk',
  capabilities,
  ttlSeconds: 60,
  now: 0,
});
const all = (): boolean => true;
const tools = (names: readonly string[]): Capability => ({ type: 'tool.call', tools: names });

describe('what is too costly to compare', () => {
  // Legal patterns, 16,384 of them, each of which has to be compared with stars on both sides.
  const costly = Array.from({ length: 64 }, (_, at) =>
    tools(Array.from({ length: 256 }, (__, inner) => `${'a*'.repeat(50)}${at}y${inner}`)),
  );

  it('lies within no ceiling, and is named by every list it may be named by', () => {
    const table = new ConditionTable();
    const wide = table.addCeiling({ capabilities: [tools([`*${'a*'.repeat(20)}`])], kv: false });
    const list = table.addList({ field: 'tools', names: [`${'b*'.repeat(20)}q`] }, 'any');
    expect(table.holding(lease(...costly), all)).toEqual({
      within: [],
      windows: [],
      named: [list],
    });
    const plain = table.holding(lease(tools(['aaaaaaaaaaaaaaaaaaaaaa'])), all);
    expect(plain).toEqual({ within: [wide], windows: [], named: [] });
  });
});

describe('a ceiling', () => {
  const within = (ceiling: readonly Capability[], ...asked: readonly Capability[]): boolean => {
    const table = new ConditionTable();
    table.addCeiling({ capabilities: ceiling, kv: false });
    return table.holding(lease(...asked), all).within.length === 1;
  };

  it('has an end: what a lease names for longer lies outside', () => {
    const read = { type: 'fs.read', paths: ['/a/**'] } as const;
    expect(within([{ ...read, notAfter: 100 }], { ...read, notAfter: 100 })).toBe(true);
    expect(within([{ ...read, notAfter: 100 }], { ...read, notAfter: 101 })).toBe(false);
    expect(within([{ ...read, notAfter: 100 }], read)).toBe(false);
  });

  it('of a call holds what it holds now', () => {
    const reach = [{ type: 'fs.read', paths: ['/a/**'] }] as const;
    const table = new ConditionTable();
    table.addCeiling({ capabilities: [{ ...reach[0], notBefore: 50, notAfter: 100 }], kv: false });
    const at = (seconds: number): number =>
      table.holding(
        {
          kind: 'call',
          principal: 'p',
          tenant: 'default',
          now: seconds * 1000,
          tool: 't',
          arguments: {},
          installation: 'i',
          categories: [],
          reach,
          kv: false,
        },
        all,
      ).within.length;
    expect([49, 50, 99, 100].map(at)).toEqual([0, 1, 1, 0]);
  });
});
