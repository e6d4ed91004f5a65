// An agent that says in a request who it is: refused over every way, and never somebody else's on a receipt.

import { afterEach, beforeEach, expect, test } from 'vitest';
import type { AgentFront } from '../../support/agent-front.ts';
import { FREE, publicKey } from '../../support/lease-desk.ts';
import { callTool, leaseFront, leaseLine } from '../../support/lease-front.ts';

let front: AgentFront;
beforeEach(async () => {
  front = await leaseFront();
});
afterEach(() => front[Symbol.asyncDispose]());

const CLAIMS: readonly (readonly [string, unknown])[] = [
  ['principal', 'oscar'],
  ['agent', 'other'],
  ['tenant', 'other'],
  ['sub', 'oscar'],
  ['cnf', { conn: 'another' }],
  ['as', 'oscar'],
  ['parent', { stateKey: 'f'.repeat(64), depth: 0 }],
  ['free', true],
  ['__proto__', { principal: 'oscar' }],
  ['constructor', { principal: 'oscar' }],
];

test.each(CLAIMS)('`%s` over MCP', async (name, value) => {
  const mcp = await front.mcp();
  const args = JSON.parse(`{${JSON.stringify(name)}:${JSON.stringify(value)}}`) as object;
  for (const tool of ['lease_request', 'lease_preview']) {
    const { isError } = await callTool(mcp, tool, { ...FREE, ...own(args) });
    // The library in front of us drops this one name; whatever it held is nowhere then.
    if (name !== '__proto__') expect(isError).toBe(true);
  }
  const asked = front.gate.desk.decisions.list('default', 'all');
  expect(asked.map(({ principal }) => principal)).toEqual(name === '__proto__' ? ['alice'] : []);
});

test.each(CLAIMS)('`%s` over the lease protocol', async (name, value) => {
  const terms = { ...FREE, holder_key: publicKey() };
  for (const line of [
    `{"op":"request","terms":${merged(terms, name, value)}}\n`,
    `${merged({ op: 'request', terms }, name, value)}\n`,
  ]) {
    expect(await leaseLine(front, line)).toMatchObject({ error: { code: 'malformed' } });
  }
  expect(front.gate.parts.leases.list(undefined, front.gate.clock.wall())).toEqual([]);
});

test('what is granted is for whose socket it is', async () => {
  const { standing } = await leaseLine(
    front,
    { op: 'request', terms: { ...FREE, holder_key: publicKey() } },
    'other',
  );
  const { principal, agent } = front.gate.desk.decisions.show('default', standing.id);
  expect({ principal, agent }).toEqual({ principal: 'oscar', agent: 'other' });
});

/** An own member even of that name. */
function own(args: object): object {
  return Object.defineProperties({}, Object.getOwnPropertyDescriptors(args));
}

function merged(value: object, name: string, more: unknown): string {
  return `${JSON.stringify(value).slice(0, -1)},${JSON.stringify(name)}:${JSON.stringify(more)}}`;
}
