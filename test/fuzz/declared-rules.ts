// Random declared rules and what is asked under them: the compiled set and an oracle of its own that
// reads the rules as they are written have to say the same.

import { emptyGrant } from '../../src/catalog/grant.ts';
import type { Installation, ToolDefinition } from '../../src/catalog/installation.ts';
import { type Cedar, loadCedar } from '../../src/decide/policy/cedar.ts';
import { decideLease } from '../../src/decide/policy/decide-lease.ts';
import { judge } from '../../src/decide/policy/judge.ts';
import { PolicySet } from '../../src/decide/policy/policy-set.ts';
import type { Reach } from '../../src/decide/policy/reach.ts';
import { parseToolCall } from '../../src/decide/request/parse-tool-call.ts';
import { parseCapabilities } from '../../src/trust/lease/capability.ts';
import type { Random } from './random.ts';
import { type OracleAsked, type Plain, verdictOf } from './rules-oracle.ts';
import { Finding, type FuzzTarget, Met } from './target.ts';

const AGENTS = ['a', 'b', 'ab'];
const NAMES = ['a', 'b', '*', 'a*', '*b', 'a*b', '_*', 'ab'];
const TOOLS = ['a', 'b', 'ab', 'a_b', 'ba'];
const PATHS = ['/**', '/a/**', '/a/b/**', '/b/**'];
const ORIGINS = ['*', 'https://a.test', 'https://b.test'];
const METHODS = ['*', 'GET', 'POST'];
const ZONES = ['UTC', 'Europe/Berlin', 'America/New_York', 'Asia/Kolkata'];
const DAYS = ['monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday', 'sunday'];
const CLOCKS = ['00:00', '02:30', '06:00', '12:15', '22:00', '23:59'];
const KINDS = ['tool.call', 'fs.read', 'fs.write', 'http.call', 'spend', 'credential', 'kv'];
/** Around the clock changes of 2026, and a plain week. */
const TIMES = ['2026-03-29T00:00Z', '2026-10-25T00:00Z', '2026-03-08T06:00Z', '2026-06-01T00:00Z'];

function some<T>(random: Random, items: readonly T[]): T[] {
  return [...new Set(Array.from({ length: 1 + random.below(2) }, () => random.pick(items)))];
}

function maybe(random: Random, of: number, make: () => Plain): Plain {
  return random.chance(1, of) ? make() : {};
}

function capability(random: Random, lists: boolean): Plain {
  const one = (items: readonly string[]): string[] =>
    lists ? some(random, items) : [random.pick(items)];
  switch (random.below(6)) {
    case 0:
      return { type: 'fs.read', paths: one(PATHS) };
    case 1:
      return { type: 'fs.write', paths: one(PATHS) };
    case 2:
      return { type: 'http.call', methods: one(METHODS), origins: one(ORIGINS), paths: one(PATHS) };
    case 3:
      return { type: 'spend', currency: random.pick(['EUR', 'USD']), amount: 1 + random.below(9) };
    case 4:
      return { type: 'credential', names: one(['x', 'y', 'xy']) };
    default:
      return {
        type: 'tool.call',
        tools: one(['*', 'a', 'b', 'a_b']),
        ...(lists
          ? maybe(random, 3, () => ({ arguments: { n: { max: 1 + random.below(3) } } }))
          : {}),
      };
  }
}

/** Each type, or each currency, once. */
function capabilities(random: Random, lists: boolean, kinds: number): Plain[] {
  const seen = new Set<unknown>();
  return Array.from({ length: 1 + random.below(kinds) }, () => capability(random, lists)).filter(
    ({ type, currency }) => {
      const key = `${String(type)} ${String(currency)}`;
      return !seen.has(key) && seen.add(key);
    },
  );
}

function ceiling(random: Random): Plain {
  const held = capabilities(random, true, 4);
  return { ceiling: [...held, ...(random.chance(1, 3) ? [{ type: 'kv' }] : [])] };
}

function window(random: Random): Plain {
  const [from, to] = [random.pick(CLOCKS), random.pick([...CLOCKS.slice(1), '24:00'])];
  const hours = from === to ? {} : { from, to };
  const days = from === to || random.chance(1, 2) ? { days: some(random, DAYS) } : {};
  return { when: { ...days, ...hours, zone: random.pick(ZONES) } };
}

function trust(random: Random): Plain {
  const level = { level: 1 + random.below(100) };
  const capabilities = { capabilities: some(random, ['t', 'u']) };
  return { trust: random.pick([level, capabilities, { ...level, ...capabilities }]) };
}

function terms(random: Random, applies: string, of: number): Plain {
  return {
    ...maybe(random, of, () => ceiling(random)),
    ...(applies === 'calls' ? {} : maybe(random, of, () => ({ seconds: 60 + random.below(60) }))),
    ...maybe(random, of * 2, () => trust(random)),
  };
}

function rule(random: Random, name: string): Plain {
  const effect = random.pick(['allow', 'require-approval', 'deny']);
  const applies = random.pick(['calls', 'calls', 'leases', 'both']);
  const calls = applies === 'calls';
  const named = calls || effect !== 'allow';
  const unless = { ...terms(random, applies, 2), ...maybe(random, 3, () => window(random)) };
  return {
    name,
    effect,
    ...(calls && random.chance(1, 2) ? {} : { applies }),
    ...(effect === 'require-approval' ? { reason: 'why' } : {}),
    ...maybe(random, 4, () => ({
      agents: some(
        random,
        NAMES.filter((each) => each !== '_*'),
      ),
    })),
    ...maybe(random, 6, () => ({ principals: some(random, NAMES) })),
    ...maybe(random, 8, () => ({ tenants: some(random, ['a', 'default', 'd*']) })),
    ...(named ? maybe(random, 3, () => ({ tools: some(random, NAMES) })) : {}),
    ...(named ? maybe(random, 6, () => ({ credentials: some(random, ['x', 'x*', '*y']) })) : {}),
    ...(calls ? maybe(random, 8, () => ({ installations: some(random, ['a', 'b', 'a*']) })) : {}),
    ...(calls ? maybe(random, 8, () => ({ categories: some(random, ['a', 'b', '*b']) })) : {}),
    ...maybe(random, 3, () => ({ kinds: some(random, KINDS) })),
    ...maybe(random, 4, () => window(random)),
    ...(effect === 'deny' ? {} : terms(random, applies, 2)),
    ...(effect !== 'allow' && Object.keys(unless).length > 0 ? { unless } : {}),
  };
}

const DEFINITIONS: readonly ToolDefinition[] = TOOLS.map((name) => ({
  name,
  description: '',
  inputSchema: {
    type: 'object',
    properties: { n: { type: 'integer' }, cost: { type: 'integer' } },
  },
}));

function ask(random: Random): OracleAsked {
  const kind = random.pick(['call', 'call', 'lease'] as const);
  const reach = capabilities(random, kind === 'lease', 4).filter(
    ({ type }) => kind === 'lease' || type !== 'tool.call',
  );
  // A grant names a directory, one price, and hosts that a ceiling may hold.
  const amount = reach.find(({ type }) => type === 'spend');
  return {
    kind,
    agent: random.pick(AGENTS),
    principal: random.pick(['a', 'b', 'a/b', 'ab']),
    tenant: random.pick(['default', 'a']),
    tool: random.pick(TOOLS),
    arguments: random.chance(1, 2) ? { n: random.below(5) } : {},
    installation: random.pick(['a', 'b', 'ab']),
    categories: random.pick([[], ['a'], ['b'], ['a', 'ab']]),
    capabilities: reach.filter((each) => each['type'] !== 'spend' || each === amount),
    kv: kind === 'call' && random.chance(1, 4),
    seconds: 50 + random.below(90),
    trust: random.chance(1, 3)
      ? undefined
      : { level: random.below(101), capabilities: random.pick([[], ['t'], ['t', 'u']]) },
    now: Date.parse(random.pick(TIMES)) + (random.below(3 * 1440) - 720) * 60_000,
  };
}

function reachOf({ capabilities: reach, kv }: OracleAsked): Reach {
  const of = (type: string): readonly Plain[] => reach.filter((each) => each['type'] === type);
  const first = (each: Plain, member: string): string => (each[member] as string[])[0] ?? '';
  const directories = (type: string): Reach['read'] =>
    of(type).map((each) => ({ host: '/h', guest: first(each, 'paths').slice(0, -3) || '/' }));
  const to = { methods: ['GET'], scheme: 'https', host: 'a.test', port: 443, path: '/**' } as const;
  return {
    allowNet: of('http.call').map((each) => ({
      methods: each['methods'] as string[],
      scheme: 'https',
      host: first(each, 'origins').replace('https://', ''),
      port: 443,
      path: first(each, 'paths'),
    })),
    denyNet: [],
    read: directories('fs.read'),
    write: directories('fs.write'),
    kv,
    env: {},
    config: {},
    secrets: of('credential').map((each) => ({
      secret: first(each, 'names'),
      to,
      header: 'x',
      template: '{}',
    })),
    unsafeNoJail: false,
    limits: emptyGrant.limits,
  };
}

/** What the set says of it. */
function answer(set: PolicySet, asked: OracleAsked): string {
  const { agent, principal, tenant, now, trust: trusted } = asked;
  const circumstances = trusted === undefined ? {} : { trust: trusted };
  if (asked.kind === 'lease') {
    const { kind } = decideLease(set, {
      tenant,
      principal,
      agent,
      task: 't',
      reason: 'r',
      ttlSeconds: asked.seconds,
      capabilities: parseCapabilities(asked.capabilities),
      depth: 0,
      free: false,
      operator: false,
      now,
      circumstances,
    });
    return { granted: 'allow', refused: 'refuse', 'approval-required': 'ask' }[kind];
  }
  const definition = DEFINITIONS.find(({ name }) => name === asked.tool);
  if (definition === undefined) throw new Error(asked.tool);
  const cost = asked.capabilities.find(({ type }) => type === 'spend');
  const prices =
    cost === undefined
      ? []
      : [{ tool: asked.tool, currency: String(cost['currency']), amount: Number(cost['amount']) }];
  const installation: Installation = {
    id: 'inst_01',
    name: asked.installation,
    digest: 'd'.repeat(64),
    size: 1,
    engine: 'extism',
    convention: 'warder',
    tools: [definition],
    grant: { ...emptyGrant, prices, categories: asked.categories },
    enabled: true,
    addedAt: 0,
    imports: [],
  };
  const judged = judge(
    set,
    {
      call: parseToolCall(asked.tool, JSON.stringify(asked.arguments)),
      definition,
      installation,
      lease: LEASE,
      principal,
      tenant,
      agent,
      operator: false,
      now,
      circumstances,
    },
    reachOf(asked),
  );
  if (judged.verdict === 'error') throw new Error(judged.reasons.join('; '));
  return judged.verdict;
}

const LEASE = {
  stateKey: 'a',
  holder: 'connection',
  claims: { del_depth: 0, del_max: 0, exp: 2_000_000_000 },
  chain: [{ stateKey: 'a' }],
} as const;
const PERMIT_ALL = { name: '0.cedar', text: 'permit (principal, action, resource);' };
/** Questions under one set: making a set costs more than asking it. */
const ASKED = 20;

export const declaredRules: FuzzTarget = {
  about: 'random declared rules, compiled, against an oracle that reads them as they are written',
  runs: { sample: 250, long: 10_000 },
  open: async () => {
    const met = new Met();
    const cedar = await loadCedar();
    return { met, run: (random) => tryRules(random, cedar, met), close: () => Promise.resolve() };
  },
};

function tryRules(random: Random, cedar: Cedar, met: Met): void {
  const rules = Array.from({ length: 1 + random.below(4) }, (_, at) => rule(random, `r${at}`));
  const permitsAll = random.chance(1, 2);
  const file = { name: '1.rules.json', text: JSON.stringify({ rules }) };
  const set = new PolicySet(cedar, permitsAll ? [PERMIT_ALL, file] : [file]);
  try {
    for (let n = 0; n < ASKED; n += 1) {
      const asked = ask(random);
      const expected = verdictOf(rules, asked, permitsAll);
      const got = answer(set, asked);
      met.add(`${asked.kind}: ${expected}`);
      if (got === expected) continue;
      const input = JSON.stringify({ rules, permitsAll, asked }, undefined, 1);
      throw new Finding(`${got}, not ${expected}\n${input}`, new TextEncoder().encode(input));
    }
  } finally {
    set.close();
  }
}
