// Deciding: what the gate adds to Cedar's own evaluation of the same request.

import { strict as assert } from 'node:assert';
import { PolicyHolder } from '../../src/decide/policy/policy-holder.ts';
import { loadCedar } from '../../src/decide/policy/cedar.ts';
import type { DecisionInput } from '../../src/decide/policy/decide.ts';
import { PolicySet } from '../../src/decide/policy/policy-set.ts';
import type { PolicyFile } from '../../src/decide/policy/policy-source.ts';
import { questionOf } from '../../src/decide/policy/question.ts';
import { reachOf } from '../../src/decide/policy/reach.ts';
import { activeCapabilities } from '../../src/trust/lease/action.ts';
import {
  ALL_CAPABILITIES,
  installed,
  inputOf,
  leaseOf,
  starter,
  toolWith,
} from '../support/decision.ts';
import type { Report } from './report.ts';

const POLICIES = 200;
const ROUNDS = 9;
const PER_ROUND = 400;
/** Decisions in turn with as many evaluations: what else the machine does meets both. */
const TURN = 10;
const SLOT = 'bench-policy-control';

const tool = toolWith(
  {
    type: 'object',
    additionalProperties: false,
    required: ['to', 'amount'],
    properties: {
      to: { type: 'string' },
      amount: { type: 'integer' },
      memo: { type: 'string' },
      tags: { type: 'array', items: { type: 'string' } },
      from: {
        type: 'object',
        additionalProperties: false,
        required: ['account'],
        properties: { account: { type: 'string' }, region: { type: 'string' } },
      },
    },
  },
  'pay_transfer',
);

/** The starter policy, and rules about arguments up to 200. */
function policies(): readonly PolicyFile[] {
  const files = starter();
  const count = files.reduce((sum, { text }) => sum + (text.match(/;\s*$/gm)?.length ?? 0), 0);
  const rules = Array.from({ length: POLICIES - count }, (_, at) => rule(at));
  return [...files, { name: '50-rules.cedar', text: rules.join('\n') }];
}

function rule(at: number): string {
  const conditions = [
    `context.args.amount > ${1_000_000 + at}`,
    `context.args.to == "blocked-${at}"`,
    `context.args has memo && context.args.memo like "*forbidden-${at}*"`,
    `context.args has tags && context.args.tags.contains("tag-${at}")`,
    `principal in Agent::"agent-${at}" && context.args.amount > ${at}`,
  ];
  return `@id("rule-${at}")
forbid (principal, action in Action::"call", resource)
when { context.args has amount && context.args has to && ${conditions[at % conditions.length] ?? 'false'} };`;
}

/** Calls that no two are alike: no answer is found again. */
function inputs(from: number): readonly DecisionInput[] {
  // As the catalog and the lease book hand them out.
  const installation = frozen(structuredClone(installed({ categories: ['payments'] }, [tool])));
  const lease = leaseOf(frozen(structuredClone(ALL_CAPABILITIES)));
  const definition = installation.tools[0] ?? tool;
  return Array.from({ length: PER_ROUND }, (_, at) =>
    inputOf(
      {
        to: `account-${from + at}`,
        amount: 100 + ((from + at) % 900),
        memo: `invoice ${from + at}`,
        tags: ['monthly', `n-${at}`],
        from: { account: 'main', region: 'eu' },
      },
      { definition, installation, lease, callId: `call_${from + at}` },
    ),
  );
}

/** `policy-decide`: microseconds a decision, 200 policies, arguments never seen before. */
export async function benchPolicy(report: Report): Promise<void> {
  const cedar = await loadCedar();
  const files = policies();
  const holder = await PolicyHolder.open(files);
  const set = new PolicySet(cedar, files);
  assert.equal(set.rules.length, POLICIES);
  const staticPolicies = Object.fromEntries(set.rules.map(({ rule: id, text }) => [id, text]));
  cedar.preparsePolicySet(SLOT, { staticPolicies });
  const rounds: { readonly ours: number; readonly theirs: number }[] = [];
  for (let round = 0; round < ROUNDS + 2; round += 1) {
    const calls = inputs(round * PER_ROUND);
    const requests = calls.map((input) => {
      const { installation, lease, now } = input;
      const active = activeCapabilities(lease.claims.authorization_details, now);
      const question = questionOf(set.needs, input, reachOf(installation.grant, active), false);
      return { ...question, entities: [...question.entities], preparsedPolicySetId: SLOT };
    });
    let [ours, theirs] = [0, 0];
    for (let at = 0; at < PER_ROUND; at += TURN) {
      ours += timed(() => {
        for (const input of calls.slice(at, at + TURN)) {
          assert.equal(holder.decide(input).kind, 'permit');
        }
      });
      theirs += timed(() => {
        for (const request of requests.slice(at, at + TURN)) {
          assert.equal(cedar.statefulIsAuthorized(request).type, 'success');
        }
      });
    }
    if (round >= 2) rounds.push({ ours: ours / PER_ROUND, theirs: theirs / PER_ROUND });
  }
  // The middle round by its ratio: a busy machine slows both sides of a round.
  rounds.sort((one, other) => one.ours / one.theirs - other.ours / other.theirs);
  const { ours, theirs } = rounds[Math.floor(rounds.length / 2)] ?? { ours: NaN, theirs: NaN };
  set.close();
  const control = 'cedar-wasm statefulIsAuthorized, same request';
  report.ratio('policy-decide', ours, 'us', control, theirs);
}

/** Microseconds. */
function timed(work: () => void): number {
  const start = performance.now();
  work();
  return (performance.now() - start) * 1000;
}

function frozen<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value;
  Object.values(value).forEach(frozen);
  return Object.freeze(value);
}
