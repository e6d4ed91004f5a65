// What the governed way costs a request: a guest's GETs inside one running call, over one kept
// connection, against the same with undici in one process.

import { performance } from 'node:perf_hooks';
import { Agent, request } from 'undici';
import type { Permit } from '../../src/decide/policy/permit.ts';
import { createEgress, type EgressSession } from '../../src/reach/egress/egress.ts';
import { processBundle } from '../support/process-bundle.ts';
import { netRule } from '../support/reach-permit.ts';
import { createTestSandbox, defaultLimits, fixture, type TestSandbox } from '../support/sandbox.ts';
import { type BenchServer, benchServer } from './http-server.ts';
import { median, type Report } from './report.ts';

const GETS = 100;
const ROUNDS = 80;
const WARM_UP_ROUNDS = 30;

/** `egress-get`: microseconds of one GET of 1 KB, mean of 100; the call without them is subtracted. */
export async function benchEgress(report: Report): Promise<void> {
  const server = await benchServer();
  const egress = createEgress({ brokerPath: await processBundle('egress-broker') });
  const sessions = new Map<Permit, EgressSession>();
  const box = await createTestSandbox({
    serve: (permit, asked, signal) => {
      if (asked.op !== 'http') throw new TypeError('only HTTP here');
      const session = sessions.get(permit) ?? egress.open(permit, () => undefined);
      sessions.set(permit, session);
      return session.fetch(asked, signal);
    },
  });
  const agent = new Agent({ connections: 1 });
  try {
    const [ours, theirs]: [number[], number[]] = [[], []];
    for (let round = 0; round < ROUNDS; round += 1) {
      const [one, other] = [await governed(box, server), await bare(agent, server)];
      for (const session of sessions.values()) session.close();
      sessions.clear();
      if (round < WARM_UP_ROUNDS) continue;
      ours.push(one);
      theirs.push(other);
    }
    const control = 'undici in-process';
    report.ratio('egress-get', median(ours), 'us', control, median(theirs));
  } finally {
    await agent.close();
    await box.sandbox.close();
    await egress.close();
    server.stop();
  }
}

async function governed(box: TestSandbox, server: BenchServer): Promise<number> {
  const empty = await timeCall(box, server, 0);
  return ((await timeCall(box, server, GETS)) - empty) / GETS;
}

/** Microseconds of one call. */
async function timeCall(box: TestSandbox, { url }: BenchServer, count: number): Promise<number> {
  const terms = {
    allowNet: [netRule(`GET ${url}**`)],
    config: { url, count: 'x'.repeat(count) },
    limits: { ...defaultLimits, requests: GETS },
  };
  const start = performance.now();
  const outcome = await box.call(fixture('http-many'), 'http-many', {}, { terms });
  const took = (performance.now() - start) * 1000;
  const status = count === 0 ? '000' : '200';
  if (outcome.kind !== 'answered' || !JSON.stringify(outcome.answer).includes(status)) {
    throw new Error(`not as asked: ${JSON.stringify(outcome).slice(0, 300)}`);
  }
  return took;
}

async function bare(dispatcher: Agent, { url }: BenchServer): Promise<number> {
  const start = performance.now();
  for (let count = 0; count < GETS; count += 1) {
    const { body } = await request(url, { dispatcher });
    await body.arrayBuffer();
  }
  return ((performance.now() - start) * 1000) / GETS;
}
