// Random chains of leases, each link as its holder likes: whatever the verifier lets pass, the oracle has
// to find that no link can do what one above it cannot.

import { parseClaims } from '../../src/trust/lease/claims.ts';
import type { LeaseClaims } from '../../src/trust/lease/lease.ts';
import { widening } from '../../src/trust/lease/lease-within.ts';
import { allows, type Deed } from './lease-oracle.ts';
import type { Random } from './random.ts';
import { Finding, type FuzzTarget, Met } from './target.ts';

const START = 1_767_225_600;
const DEEDS = 12;

const TOOLS = ['*', 'a', 'b', 'a_*', 'a_b', '*_b', 'a*b', '**', 'a**', 'aa', 'ab'];
const SEGMENTS = ['a', 'b', 'ab', '*', '**', 'a*', '*a', 'a**', '**b', 'a*b'];
const ORIGINS = [
  '*',
  'https://*',
  'http://*',
  'https://*:8443',
  'https://a.test',
  'https://a.test:443',
  'https://a.test:8443',
  'http://a.test:443',
  'https://*.test',
  'https://*.a.test',
  'https://b.a.test',
  'https://xa.test',
  'https://[::1]',
];
const METHODS = ['*', 'GET', 'POST', 'PUT'];
const NAMES = ['x', 'y', 'z'];
const FIELDS = ['p', 'q', 'constructor'];

type Plain = Record<string, unknown>;

function some(random: Random, one: () => string): string[] {
  return [...new Set(Array.from({ length: 1 + random.below(2) }, one))];
}

function path(random: Random): string {
  const length = 1 + random.below(3);
  return `/${Array.from({ length }, () => random.pick(SEGMENTS)).join('/')}`;
}

function rule(random: Random): Plain {
  const optional = random.chance(1, 3) ? { optional: true } : {};
  switch (random.below(4)) {
    case 0:
      return { any: true, ...optional };
    case 1:
      return { in: random.pick([['a'], ['a', 1], ['/a/b', null], [1, 2], [true]]), ...optional };
    case 2:
      return {
        glob: some(random, () => (random.chance(1, 2) ? path(random) : random.pick(SEGMENTS))),
        ...optional,
      };
    default: {
      const bounds = random.pick([{ min: 1 }, { max: 3 }, { min: 0, max: 2 }, { min: 1, max: 1 }]);
      return { ...bounds, ...optional };
    }
  }
}

function capability(random: Random): Plain {
  const times = {
    ...(random.chance(1, 5) ? { notBefore: START + random.below(50) } : {}),
    ...(random.chance(1, 5) ? { notAfter: START + 60 + random.below(60) } : {}),
  };
  switch (random.below(6)) {
    case 0:
    case 1: {
      const rules = FIELDS.filter(() => random.chance(1, 2)).map((name) => [name, rule(random)]);
      const given = random.chance(2, 3) ? { arguments: Object.fromEntries(rules) as Plain } : {};
      return {
        type: 'tool.call',
        tools: some(random, () => random.pick(TOOLS)),
        ...given,
        ...times,
      };
    }
    case 2:
      return {
        type: random.pick(['fs.read', 'fs.write']),
        paths: some(random, () => path(random)),
        ...times,
      };
    case 3:
      return {
        type: 'http.call',
        methods: some(random, () => random.pick(METHODS)),
        origins: some(random, () => random.pick(ORIGINS)),
        paths: some(random, () => path(random)),
        ...times,
      };
    case 4:
      return { type: 'credential', names: some(random, () => random.pick(NAMES)), ...times };
    default:
      return {
        type: 'spend',
        currency: random.pick(['EUR', 'USD']),
        amount: 1 + random.below(9),
        ...times,
      };
  }
}

function details(random: Random): Plain[] {
  const currencies = new Set<unknown>();
  return Array.from({ length: 1 + random.below(4) }, () => capability(random)).filter(
    ({ currency }) =>
      currency === undefined || (!currencies.has(currency) && currencies.add(currency)),
  );
}

function root(random: Random): Plain {
  return {
    iss: 'warder',
    sub: 'agent',
    aud: 'warder',
    jti: 'A'.repeat(22),
    iat: START,
    nbf: START,
    exp: START + 100,
    tenant: 'default',
    cnf: { conn: 'c' },
    authorization_details: details(random),
    ...limits(random),
    del_depth: 0,
    del_max: 4,
  };
}

function limits(random: Random): Plain {
  return {
    ...(random.chance(1, 3) ? { max_uses: 1 + random.below(5) } : {}),
    ...(random.chance(1, 4) ? { max_bytes: 1 + random.below(5) } : {}),
    ...(random.chance(1, 4)
      ? { rate: { uses: 1 + random.below(3), seconds: 1 + random.below(3) } }
      : {}),
    ...(random.chance(1, 4) ? { max_exp: START + 100 + random.below(3) } : {}),
    ...(random.chance(1, 9) ? { delegatable: random.chance(1, 2) } : {}),
    ...(random.chance(1, 9) ? { task: random.pick(['t', 'u']) } : {}),
  };
}

/** A child: mostly its parent with a part or two changed, so that a good share gets through. */
function child(random: Random, parent: Plain): Plain {
  const changed: Plain = {
    ...parent,
    par_hash: 'A'.repeat(43),
    del_depth: Number(parent['del_depth']) + 1,
  };
  if (random.chance(1, 6)) Object.assign(changed, limits(random));
  if (random.chance(1, 6)) changed['exp'] = START + 95 + random.below(8);
  if (random.chance(1, 6)) changed['nbf'] = START + random.below(3);
  if (random.chance(1, 20)) changed['sub'] = random.pick(['agent', 'admin']);
  if (random.chance(1, 20)) changed['del_max'] = random.below(5);
  if (random.chance(5, 6)) {
    const before = parent['authorization_details'] as Plain[];
    changed['authorization_details'] = random.chance(1, 8)
      ? details(random)
      : before.filter(() => random.chance(5, 6)).map((each) => vary(random, each));
  }
  return changed;
}

/** The same capability with members of another one of its type. */
function vary(random: Random, one: Plain): Plain {
  if (random.chance(1, 3)) return one;
  let other = capability(random);
  for (let tries = 0; tries < 12 && other['type'] !== one['type']; tries += 1) {
    other = capability(random);
  }
  if (other['type'] !== one['type']) return one;
  const mixed: Plain = { type: one['type'] };
  for (const name of new Set([...Object.keys(one), ...Object.keys(other)])) {
    const from = random.chance(1, 2) ? one : other;
    if (from[name] !== undefined) mixed[name] = from[name];
    else if (!['arguments', 'notBefore', 'notAfter'].includes(name)) mixed[name] = one[name];
  }
  return mixed;
}

/** Something the pattern names. */
function instance(random: Random, pattern: string): string {
  return pattern.replaceAll(/\*+/g, (stars) =>
    stars.length > 1
      ? random.pick(['', 'a', 'b', 'a/b', '/a', 'b/', 'ab/a/b'])
      : random.pick(['', 'a', 'b', 'ab', 'ba']),
  );
}

/** Something that the capability lets its holder do, or nearly. */
function deed(random: Random, detail: Plain): Deed {
  const at = START + random.below(110) - 2;
  const kind = String(detail['type']);
  const one = (member: string): string => random.pick(detail[member] as string[]);
  switch (kind) {
    case 'tool.call':
      return { at, kind, value: instance(random, one('tools')), arguments: given(random, detail) };
    case 'http.call': {
      const origin = random.chance(1, 2) ? one('origins') : random.pick(ORIGINS);
      const [scheme = 'https', host = '*'] = origin === '*' ? [] : origin.split('://');
      return {
        at,
        kind,
        value: instance(random, one('paths')),
        method: one('methods').replace('*', random.pick(['GET', 'PATCH'])),
        origin: `${scheme}://${host.replace('*', random.pick(['a', 'c.d', 'a.test']))}`,
      };
    }
    case 'spend':
      return { at, kind, value: String(detail['currency']), amount: Number(detail['amount']) };
    case 'credential':
      return { at, kind, value: one('names') };
    default:
      return { at, kind, value: instance(random, one('paths')) };
  }
}

function given(random: Random, detail: Plain): Plain {
  const rules = Object.assign(Object.create(null), detail['arguments']) as Record<string, Plain>;
  const names = Object.hasOwn(detail, 'arguments') ? Object.keys(rules) : FIELDS;
  const chosen = names.filter((name) => rules[name]?.['optional'] !== true || random.chance(1, 2));
  const value = (limit: Plain): unknown => {
    if (limit['in'] !== undefined) return random.pick(limit['in'] as unknown[]);
    if (limit['glob'] !== undefined)
      return instance(random, random.pick(limit['glob'] as string[]));
    if (limit['any'] === true) return random.pick(['a', '/a/b', 0, 1, 4, true, null]);
    return random.pick([limit['min'] ?? limit['max'], limit['max'] ?? 4, 2]);
  };
  return Object.fromEntries(
    chosen.map((name) => {
      const one = value(rules[name] ?? { any: true });
      return [name, random.chance(1, 5) ? [one, value(rules[name] ?? { any: true })] : one];
    }),
  );
}

function bytesOf(chain: readonly LeaseClaims[], what: unknown): Uint8Array {
  return new TextEncoder().encode(JSON.stringify({ chain, what }, undefined, 1));
}

export const leaseChains: FuzzTarget = {
  about: 'random chains of leases, judged by an oracle of its own',
  runs: { sample: 20_000, long: 1_000_000 },
  open: () => {
    const met = new Met();
    return Promise.resolve({
      met,
      run(random: Random) {
        const chain: LeaseClaims[] = [parseClaims(root(random))];
        for (let depth = 0; depth < 4; depth += 1) {
          const parent = chain.at(-1);
          if (parent === undefined) return;
          const next = parseOrNothing(child(random, parent as unknown as Plain));
          if (next === undefined) {
            met.add('malformed');
            return;
          }
          if (widening(next, parent) !== undefined) {
            met.add('refused');
            continue;
          }
          met.add(`a link at depth ${String(depth + 1)}`);
          chain.push(next);
        }
        judge(random, chain, met);
      },
      close: () => Promise.resolve(),
    });
  },
};

function judge(random: Random, chain: readonly LeaseClaims[], met: Met): void {
  for (const [at, lower] of chain.entries()) {
    for (const upper of chain.slice(0, at)) {
      const worse = limitsBeyond(lower, upper);
      if (worse !== undefined) throw new Finding(`${worse} widens`, bytesOf(chain, worse));
      for (let n = 0; n < DEEDS; n += 1) {
        const details = lower.authorization_details as unknown as readonly Plain[];
        if (details.length === 0) break;
        const one = deed(random, random.pick(details));
        if (!allows(lower, one)) continue;
        met.add('deeds');
        if (!allows(upper, one)) throw new Finding('a deed nobody gave', bytesOf(chain, one));
      }
    }
  }
}

function limitsBeyond(lower: LeaseClaims, upper: LeaseClaims): string | undefined {
  for (const name of ['max_uses', 'max_bytes', 'max_exp', 'exp', 'del_max'] as const) {
    if ((lower[name] ?? Infinity) > (upper[name] ?? Infinity)) return name;
  }
  for (const name of ['sub', 'aud', 'tenant', 'task'] as const) {
    if (lower[name] !== upper[name]) return name;
  }
  if (upper.delegatable === false) return 'delegatable';
  if (lower.nbf < upper.nbf) return 'nbf';
  const perSecond = ({ rate }: LeaseClaims): number =>
    rate === undefined ? Infinity : rate.uses / rate.seconds;
  return perSecond(lower) > perSecond(upper) ? 'rate' : undefined;
}

function parseOrNothing(claims: Plain): LeaseClaims | undefined {
  try {
    return parseClaims(claims);
  } catch {
    return undefined;
  }
}
