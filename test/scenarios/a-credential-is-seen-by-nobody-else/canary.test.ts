// Leases, proofs and identities sent with a call reach neither the guest nor the store, receipts, answers or
// errors: not as they are, and not in part.

import { afterAll, beforeAll, expect, test } from 'vitest';
import { canonicalJson } from '../../../src/base/encoding/jcs.ts';
import type { HeldLease } from '../../../src/trust/holder/held-lease.ts';
import { tables } from '../../../src/front/daemon/tables.ts';
import { answers } from '../../fakes/runner.ts';
import { type AgentFront, agentFront } from '../../support/agent-front.ts';

const ARGS = { text: 'hi' };
/** Stands in a signature, an identity and a text that is no lease. */
const CANARY = 'Q0FOQVJZX0NBTkFSWV9DQU5BUllfQ0FOQVJZ';
let front: AgentFront;
let held: HeldLease;
const seen: string[] = [];

beforeAll(async () => {
  front = await agentFront({ grant: { kv: true } });
  held = await front.hold();
  front.gate.runner.behaviour = ({ permit, call, options }) => {
    seen.push(
      JSON.stringify({ permit, call, options }),
      Buffer.from(call.argumentBytes).toString(),
    );
    return answers('hi');
  };
});
afterAll(() => front[Symbol.asyncDispose]());

/** Everything that is kept, and everything that was answered. */
function everything(answered: readonly unknown[]): string {
  const kept = front.gate.store.read((reader) =>
    tables.flatMap((table) => reader.list(table, undefined, { limit: 1000 })),
  );
  const receipts = [...front.gate.reader.export({})];
  return [JSON.stringify(kept), canonicalJson(JSON.parse(JSON.stringify(receipts))), ...seen]
    .concat(answered.map((each) => JSON.stringify(each)))
    .join('\n');
}

/** Texts none of which may be found, in either half. */
function expectNowhere(haystack: string, credentials: readonly string[]): void {
  for (const text of credentials) {
    const third = Math.floor(text.length / 3);
    for (const part of [text.slice(0, third), text.slice(third, -third), text.slice(-third)]) {
      expect(haystack).not.toContain(part);
    }
  }
}

test('a call that runs, one that waits, and ones that are refused', async () => {
  const proofs = await Promise.all([1, 2, 3].map(() => front.prove(held, ARGS)));
  const [proof = '', second = '', third = ''] = proofs;
  const [header, payload] = held.text.split('.');
  const forged = `${header}.${payload}.${CANARY.repeat(3).slice(0, 86)}`;
  const mcp = await front.mcp();
  const meta = { 'x-lease-token': held.text, 'warder/proof': second };
  const answered: unknown[] = [
    await front.call(ARGS, { lease: held.text, proof }),
    await front.call(ARGS, { lease: forged, proof }),
    await front.call(ARGS, { lease: CANARY.repeat(9), proof: CANARY.repeat(9) }),
    await front.call(ARGS, { identity: CANARY.repeat(9) }),
    await front.call(ARGS, { identity: `${header}.${payload}.${CANARY}` }),
    await mcp.call(ARGS, meta),
    await front.call(ARGS, { lease: held.text, proof: third, dryRun: true }),
    await front.call(ARGS, {}, { lease: forged }),
  ];
  answered.push(...mcp.peer.lines);
  // It waits for a person; then it runs.
  const { approval = '' } = answered[0] as { approval?: string };
  await front.gate.administration.decideApproval('default', approval, { kind: 'yes' });
  const again = await front.prove(held, ARGS);
  answered.push(await front.call(ARGS, { lease: held.text, proof: again }));
  expect(front.gate.runner.ran).toHaveLength(1);
  // What may be found is found, so that a search that finds nothing means something.
  const haystack = everything(answered);
  expect(haystack).toContain('text_echo');
  expect(haystack).toContain('bob');
  expect(haystack).toContain(held.claims.jti);
  expectNowhere(haystack, [proof, second, third, again, CANARY.repeat(3), held.text, forged]);
});

test('what the SDK and the handlers see of a request holds none', async () => {
  const mcp = await front.mcp();
  // An error that repeats the request would repeat the lease.
  const sent = { name: 7, arguments: ARGS, _meta: { 'x-lease-token': CANARY } };
  expect(JSON.stringify(await mcp.request('tools/call', sent))).not.toContain(CANARY);
  const unknown = { _meta: { 'x-lease-token': CANARY, 'warder/identity': CANARY } };
  expect(JSON.stringify(await mcp.request('no/such', unknown))).not.toContain(CANARY);
});
