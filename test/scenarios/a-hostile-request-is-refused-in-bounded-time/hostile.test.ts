// Requests made to be long, deep, many or unreadable: each is refused with a code and in few words.

import { afterEach, beforeEach, expect, test } from 'vitest';
import type { JsonObject } from '../../../src/base/encoding/json.ts';
import { WarderError } from '../../../src/base/errors/errors.ts';
import type { AgentFront } from '../../support/agent-front.ts';
import { ASKING, calls, FREE, openDesk } from '../../support/lease-desk.ts';
import { leaseFront, leaseLine } from '../../support/lease-front.ts';

const many = <T>(count: number, make: (at: number) => T): T[] =>
  Array.from({ length: count }, (_, at) => make(at));
const reading = (paths: readonly string[]): JsonObject => ({ type: 'fs.read', paths });

const HOSTILE: readonly (readonly [string, JsonObject])[] = [
  ['10 MB of task', { ...ASKING, task: 'a'.repeat(10_000_000) }],
  ['10 MB of reason', { ...ASKING, reason: 'a'.repeat(10_000_000) }],
  ['a task that turns round', { ...ASKING, task: 'a\u202eb' }],
  ['a task with a bell', { ...ASKING, task: 'a\u0007b' }],
  ['a task over two lines', { ...ASKING, task: 'a\nb' }],
  ['a task that does not show', { ...ASKING, task: '\u200b' }],
  ['half a character', { ...ASKING, reason: '\ud800' }],
  ['100,000 paths', { ...FREE, capabilities: [reading(many(100_000, (at) => `/data/${at}`))] }],
  ['100,000 capabilities', { ...FREE, capabilities: many(100_000, () => calls('text_echo')) }],
  [
    'as many as there may be',
    { ...FREE, capabilities: many(64, () => reading(many(256, (at) => `/data/${at}/x`))) },
  ],
  [
    'as many faults as there may be',
    { ...FREE, capabilities: many(64, () => reading(many(256, (at) => `../${at}`))) },
  ],
  ['a path of stars', { ...FREE, capabilities: [reading([`/${'*a'.repeat(2000)}`])] }],
  ['braces', { ...FREE, capabilities: [reading(['/data/{a,b}{c,d}{e,f}/../**'])] }],
  ['a way up', { ...FREE, capabilities: [reading(['/data/../etc/passwd'])] }],
  [
    '100,000 unknown members',
    { ...FREE, ...Object.fromEntries(many(100_000, (at) => [`m${at}`, at])) },
  ],
  [
    'a capability with 100,000 members',
    {
      ...FREE,
      capabilities: [
        { ...calls('text_echo'), ...Object.fromEntries(many(100_000, (at) => [`m${at}`, at])) },
      ],
    },
  ],
  ['negative time', { ...FREE, ttl_seconds: -1 }],
  ['half a second', { ...FREE, ttl_seconds: 0.5 }],
  ['an empty list', { ...FREE, capabilities: [] }],
  ['negative uses', { ...FREE, max_uses: -1 }],
  ['a name of 1 MB', { ...FREE, ['x'.repeat(1_000_000)]: 1 }],
];

test.each(HOSTILE)('%s', async (_, terms) => {
  const { gate, alice } = await openDesk();
  const refusal = await gate.desk.request(alice.caller, terms).then(
    ({ state }) => state,
    (error: unknown) => error,
  );
  if (refusal instanceof WarderError) {
    expect(['malformed', 'lease-refused']).toContain(refusal.code);
    expect(JSON.stringify(refusal.toJSON()).length).toBeLessThan(16_384);
  } else {
    expect(refusal).toBe('denied');
  }
  const rows = gate.parts.leases.list('default', gate.clock.wall());
  expect(rows).toEqual([]);
  // The next one is served.
  expect(await gate.desk.request(alice.caller, FREE)).toMatchObject({ state: 'active' });
});

test('requests that wait are few, whoever asks', async () => {
  const { gate, alice } = await openDesk();
  for (let count = 0; count < 16; count += 1) await gate.desk.request(alice.caller, ASKING);
  await expect(gate.desk.request(alice.caller, ASKING)).rejects.toMatchObject({
    code: 'limit-reached',
  });
  // What nobody has to be asked for is granted all the same.
  expect(await gate.desk.request(alice.caller, FREE)).toMatchObject({ state: 'active' });
});

test('requests are at most sixty a minute', async () => {
  const { gate, alice } = await openDesk();
  const done = await Promise.allSettled(many(61, () => gate.desk.request(alice.caller, FREE)));
  expect(done.filter(({ status }) => status === 'rejected')).toHaveLength(1);
});

let front: AgentFront;
beforeEach(async () => {
  front = await leaseFront();
});
afterEach(() => front[Symbol.asyncDispose]());

test.each<[string, string]>([
  ['a line that never ends', 'x'.repeat(4_000_000)],
  ['a line of 100,000 brackets', `${'['.repeat(100_000)}\n`],
  ['a member twice', '{"op":"poll","op":"release","id":"x"}\n'],
])('over a socket: %s', async (_, line) => {
  expect(await leaseLine(front, line)).toMatchObject({ error: { code: 'malformed' } });
  expect(await leaseLine(front, { op: 'describe' })).toHaveProperty('description');
});
