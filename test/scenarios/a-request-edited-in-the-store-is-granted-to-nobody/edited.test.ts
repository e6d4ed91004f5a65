// Somebody who can write to the store changes a request between its showing and the yes.

import { expect, test } from 'vitest';
import {
  type LeaseRequest,
  leaseRequestTable,
  requestDigest,
} from '../../../src/trust/lease/lease-request.ts';
import { filesOf, starter } from '../../support/decision.ts';
import { ASKING, openDesk } from '../../support/lease-desk.ts';

const EDITS: readonly (readonly [string, Partial<LeaseRequest>])[] = [
  ['may do more', { capabilities: [{ type: 'tool.call', tools: ['text_*'] }] }],
  ['lasts longer', { ttlSeconds: 3600 }],
  ['is for another principal', { principal: 'mallory' }],
  ['is bound to another connection', { cnf: { conn: 'elsewhere' } }],
  ['is for another task', { task: 'task-9' }],
  ['has more below it', { maxDepth: 4 }],
  ['has had a yes already', { yeses: [{ by: 'olga', at: 0 }] }],
  [
    'was narrowed to more',
    { terms: { capabilities: [{ type: 'tool.call', tools: ['text_*'] }], ttlSeconds: 900 } },
  ],
  ['takes nobody', { grounds: { persons: 0, rules: [] } }],
];

test.each(
  EDITS.flatMap(([name, edit]) => [true, false].map((known) => [name, known, edit] as const)),
)('one that %s (digest made anew: %s)', async (_, known, edit) => {
  const two =
    '@approval("two of you")\n@approvals("2")\n' +
    'forbid (principal, action == Action::"lease", resource)\nunless { context.approved };';
  const { gate, alice } = await openDesk({ policy: [...starter(), ...filesOf(two)] });
  const { id } = await gate.desk.request(alice.caller, ASKING);
  const { digest: seen } = gate.desk.decisions.show('default', id);
  await gate.store.commit((tx) => {
    const row = tx.get(leaseRequestTable, 'default', id);
    if (row === undefined) throw new TypeError('no row');
    const edited = { ...row, ...edit };
    // Whoever edits knows how digests are made.
    const digest = known ? requestDigest(id, edited, edited) : row.digest;
    tx.put(leaseRequestTable, 'default', id, { ...edited, digest });
  });
  const yes = { seen, by: 'operator' };
  await expect(gate.desk.decisions.approve('default', id, yes)).rejects.toMatchObject({
    code: 'verification-failed',
  });
  expect(gate.parts.leases.list('default', gate.clock.wall())).toEqual([]);
});
