// Cases an operator writes down for a policy set: which call, and what shall become of it. `warder
// policy test` runs them. Nothing is read, written or permitted.

import type { Json, JsonObject } from '../../base/encoding/json.ts';
import { parseJson } from '../../base/encoding/parse-json.ts';
import { asWarderError, WarderError } from '../../base/errors/errors.ts';
import type { FoundTool } from '../../catalog/catalog.ts';
import { applyGrant } from '../../catalog/grant.ts';
import { parseGrantFlags } from '../../catalog/grant-flags.ts';
import { didYouMean, showText } from '../../catalog/names.ts';
import { checkArguments } from '../../catalog/schemas.ts';
import { type Capability, parseCapabilities } from '../../trust/lease/capability.ts';
import { parseToolCall } from '../request/parse-tool-call.ts';
import { judge } from './judge.ts';
import { coversTool } from './narrowing.ts';
import type { PolicySet } from './policy-set.ts';
import { placeOfRule } from './policy-source.ts';
import { reachOf } from './reach.ts';

/** What shall become of a call. */
export type Expectation = 'allow' | 'ask' | 'refuse';

/** One case, read. */
export interface PolicyCase {
  readonly name: string;
  readonly tool: string;
  readonly arguments: JsonObject;
  readonly expect: Expectation;
  /** `@id` names that must be among the policies it rests on. */
  readonly rules: readonly string[];
  readonly principal: string;
  readonly agent?: string;
  readonly tenant: string;
  readonly operator: boolean;
  readonly task?: string;
  /** Depth of delegation of the lease. */
  readonly depth: number;
  /** What the lease says; absent: what the agent's leases say. */
  readonly capabilities?: readonly Capability[];
  /** Grant flags that stand in for the installed tool's grant. */
  readonly grant?: readonly string[];
  /** Wall milliseconds; absent: now. */
  readonly time?: number;
}

/** How a case went. */
export interface CaseResult {
  readonly name: string;
  readonly expected: Expectation;
  readonly got: Expectation;
  readonly passed: boolean;
  /** `"ID" at FILE:LINE` of the policies it rests on. */
  readonly rules: readonly string[];
  /** What refused it before policy was asked, or went wrong, or which policy was missing. */
  readonly why?: string;
}

/** What cases are run against. */
export interface CaseGround {
  readonly policies: PolicySet;
  /** @throws WarderError `not-found`. */
  readonly find: (tenant: string, tool: string) => FoundTool;
  /** What leases of a principal say when a case does not. */
  readonly capabilitiesOf: (principal: string) => readonly Capability[];
  /** Wall milliseconds for cases without a time. */
  readonly now: number;
}

const MAX_CASES = 1000;
const EXPECTATIONS: readonly string[] = ['allow', 'ask', 'refuse'];
const MEMBERS = [
  'name',
  'tool',
  'arguments',
  'expect',
  'rules',
  'principal',
  'agent',
  'tenant',
  'operator',
  'task',
  'depth',
  'capabilities',
  'grant',
  'time',
];

/**
 * Reads `{"cases": [...]}`.
 *
 * @throws WarderError `malformed` that lists every bad member with the case it stands in.
 */
export function parsePolicyCases(text: string): readonly PolicyCase[] {
  const json = parseJson(text);
  const problems: string[] = [];
  const list = isObject(json) && Array.isArray(json['cases']) ? json['cases'] : undefined;
  if (list === undefined || Object.keys(json as JsonObject).length !== 1) {
    problems.push('the file is not `{"cases": [...]}`');
  }
  if (list?.length === 0) problems.push('there are no cases');
  if ((list?.length ?? 0) > MAX_CASES) problems.push(`there are more than ${MAX_CASES} cases`);
  const cases = (list ?? []).slice(0, MAX_CASES).map((item, at) => readCase(item, at, problems));
  if (problems.length === 0) return cases;
  throw new WarderError('malformed', `not a file of policy cases: ${problems.join('; ')}`, {
    hint: 'docs/policy.md shows one',
    data: { problems: problems.slice(0, 50) },
  });
}

function readCase(item: Json, at: number, problems: string[]): PolicyCase {
  const fields = isObject(item) ? item : {};
  const label = typeof fields['name'] === 'string' ? fields['name'] : `case ${at + 1}`;
  const fail = (what: string): void => void problems.push(`\`${showText(label, 60)}\`: ${what}`);
  for (const member of Object.keys(fields)) {
    if (MEMBERS.includes(member)) continue;
    const near = didYouMean(member, MEMBERS);
    fail(
      `unknown member \`${showText(member)}\`${near === undefined ? '' : `, did you mean \`${near}\`?`}`,
    );
  }
  const { expect, time, depth } = fields;
  if (!EXPECTATIONS.includes(expect as string)) fail('`expect` is not allow, ask or refuse');
  if (typeof fields['tool'] !== 'string') fail('`tool` is not a text');
  if (fields['arguments'] !== undefined && !isObject(fields['arguments'])) {
    fail('`arguments` is not an object');
  }
  const at0 = typeof time === 'string' ? Date.parse(time) : Number.NaN;
  if (time !== undefined && Number.isNaN(at0)) fail('`time` is not like 2026-01-31T23:00:00Z');
  if (depth !== undefined && !(Number.isInteger(depth) && (depth as number) >= 0)) {
    fail('`depth` is not a whole number');
  }
  for (const member of ['principal', 'agent', 'tenant', 'task'] as const) {
    if (fields[member] !== undefined && typeof fields[member] !== 'string') {
      fail(`\`${member}\` is not a text`);
    }
  }
  if (fields['operator'] !== undefined && typeof fields['operator'] !== 'boolean') {
    fail('`operator` is not true or false');
  }
  const text = (member: 'agent' | 'task'): object =>
    fields[member] === undefined ? {} : { [member]: fields[member] };
  return {
    name: label,
    tool: fields['tool'] as string,
    arguments: (fields['arguments'] ?? {}) as JsonObject,
    expect: expect as Expectation,
    rules: texts(fields, 'rules', fail) ?? [],
    principal: (fields['principal'] ?? 'agent:default') as string,
    tenant: (fields['tenant'] ?? 'default') as string,
    operator: fields['operator'] === true,
    depth: (depth ?? 0) as number,
    ...text('agent'),
    ...text('task'),
    ...capabilities(fields['capabilities'], fail),
    ...(fields['grant'] === undefined ? {} : { grant: texts(fields, 'grant', fail) ?? [] }),
    ...(time === undefined ? {} : { time: at0 }),
  };
}

function texts(
  fields: JsonObject,
  member: 'rules' | 'grant',
  fail: (what: string) => void,
): readonly string[] | undefined {
  const value = fields[member];
  if (value === undefined) return undefined;
  if (Array.isArray(value) && value.every((each) => typeof each === 'string')) return value;
  fail(`\`${member}\` is not a list of texts`);
  return undefined;
}

function capabilities(
  value: Json | undefined,
  fail: (what: string) => void,
): { readonly capabilities?: readonly Capability[] } {
  if (value === undefined) return {};
  try {
    return { capabilities: parseCapabilities(value) };
  } catch (thrown) {
    fail(`\`capabilities\`: ${asWarderError(thrown).message}`);
    return {};
  }
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Runs one case. Never throws: what cannot be judged is a refusal, as it is for a call. */
export function runPolicyCase(each: PolicyCase, ground: CaseGround): CaseResult {
  const judged = judgeCase(each, ground);
  const missing = each.rules.filter((id) => !judged.ids.includes(id));
  const why =
    judged.why ??
    (missing.length === 0 ? undefined : `it does not rest on ${missing.map(quoted).join(', ')}`);
  return {
    name: each.name,
    expected: each.expect,
    got: judged.got,
    passed: judged.got === each.expect && missing.length === 0,
    rules: judged.rules,
    ...(why === undefined ? {} : { why }),
  };
}

interface Judged {
  readonly got: Expectation;
  readonly ids: readonly string[];
  readonly rules: readonly string[];
  readonly why?: string;
}

function judgeCase(each: PolicyCase, ground: CaseGround): Judged {
  const { principal, tenant, operator, agent, task } = each;
  try {
    const { installation, definition } = ground.find(tenant, each.tool);
    const call = parseToolCall(each.tool, { parsed: each.arguments });
    checkArguments(definition, call.arguments);
    const lease = each.capabilities ?? ground.capabilitiesOf(principal);
    if (!coversTool(lease, each.tool)) return refused('the lease does not cover the tool');
    const grant =
      each.grant === undefined
        ? installation.grant
        : applyGrant(installation.grant, parseGrantFlags(each.grant), 'reset');
    const judged = judge(
      ground.policies,
      {
        call,
        definition,
        installation,
        principal,
        tenant,
        operator,
        ...(agent === undefined ? {} : { agent }),
        now: each.time ?? ground.now,
        lease: {
          stateKey: 'policy-test',
          holder: 'connection',
          claims: {
            del_depth: each.depth,
            del_max: each.depth,
            exp: Math.floor((each.time ?? ground.now) / 1000) + 3600,
            ...(task === undefined ? {} : { task }),
          },
          chain: [],
        },
      },
      reachOf(grant, lease),
    );
    const rules = judged.rules.map(
      (rule) => `${quoted(rule.id ?? rule.rule)} at ${placeOfRule(rule)}`,
    );
    const ids = judged.rules.flatMap(({ id }) => id ?? []);
    if (judged.verdict === 'error') {
      return { got: 'refuse', ids, rules, why: judged.reasons.join('; ') };
    }
    return { got: judged.verdict, ids, rules };
  } catch (thrown) {
    return refused(asWarderError(thrown).message);
  }
}

function refused(why: string): Judged {
  return { got: 'refuse', ids: [], rules: [], why };
}

function quoted(id: string): string {
  return `"${id}"`;
}
