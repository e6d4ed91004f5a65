// Asked wider, longer or otherwise than the rule that wants a person has it in mind: still no lease without one.

import { expect, test } from 'vitest';
import type { JsonObject } from '../../../src/base/encoding/json.ts';
import { filesOf, starter } from '../../support/decision.ts';
import { ASKING, calls, CEILING, FREE, openDesk } from '../../support/lease-desk.ts';

/** A person for writing, up to five minutes; everything shorter is let through by a rule of its own. */
const NARROW_RULE = `
@approval("writing takes a person")
forbid (principal, action == Action::"lease", resource)
when { context.tools.contains("text_write") && context.seconds <= 300 }
unless { context.approved };
permit (principal, action == Action::"lease", resource);
`;

test.each<[string, JsonObject]>([
  ['as the rule has it', { ...ASKING, ttl_seconds: 300 }],
  ['longer than the rule', { ...ASKING, ttl_seconds: 301 }],
  ['wider than the rule', { ...ASKING, capabilities: [calls('text_*')] }],
  ['in another spelling', { ...ASKING, capabilities: [calls('text_writ*')] }],
  ['beside what is free', { ...FREE, capabilities: [calls('text_echo'), calls('text_write')] }],
  ['in one with what is free', { ...FREE, capabilities: [calls('text_echo', 'text_write')] }],
  ['another kind', { ...FREE, capabilities: [{ type: 'fs.read', paths: ['/data/x'] }] }],
])('%s', async (_, terms) => {
  const { gate, alice } = await openDesk({ policy: [...starter(), ...filesOf(NARROW_RULE)] });
  const preview = gate.desk.preview(alice.caller, terms);
  const { state, id } = await gate.desk.request(alice.caller, terms);
  expect([preview.verdict, state]).not.toContain('auto_approve');
  expect(['pending', 'denied']).toContain(state);
  expect(gate.parts.leases.list('default', gate.clock.wall())).toEqual([]);
  expect(alice.hand.covers('text_write')).toBe(false);
  expect(alice.hand.find(id)).toBeUndefined();
});

test('for ten seconds, to be signed anew for an hour, is an hour', async () => {
  const { capabilities, ttlSeconds } = CEILING.free;
  const free = { capabilities: [...capabilities, { type: 'lease.refresh' } as const], ttlSeconds };
  const { gate, alice } = await openDesk({ ceiling: { ...CEILING, free } });
  const again = (seconds: number): JsonObject => ({
    ...FREE,
    ttl_seconds: 10,
    capabilities: [calls('text_echo'), { type: 'lease.refresh' }],
    max_exp: Math.floor(gate.clock.wall() / 1000) + seconds,
  });
  const states = [600, 3600, 3601].map(async (seconds) =>
    gate.desk.request(alice.caller, again(seconds)).then(({ state }) => state),
  );
  expect(await Promise.all(states)).toEqual(['active', 'pending', 'denied']);
});
