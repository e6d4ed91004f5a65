// What declared rules say, said a second time from their JSON and in the plainest way, to judge the
// compiled ones by. Names and paths are those of `declared-rules.ts`, few enough to be enumerated.

export type Plain = Readonly<Record<string, unknown>>;

/** Something asked, in the words of rules. */
export interface OracleAsked {
  readonly kind: 'call' | 'lease';
  readonly agent: string;
  readonly principal: string;
  readonly tenant: string;
  readonly tool: string;
  readonly arguments: Plain;
  readonly installation: string;
  readonly categories: readonly string[];
  /** What a call reaches, or a lease names. */
  readonly capabilities: readonly Plain[];
  readonly kv: boolean;
  readonly seconds: number;
  readonly trust: { readonly level: number; readonly capabilities: readonly string[] } | undefined;
  readonly now: number;
}

export function verdictOf(
  rules: readonly Plain[],
  asked: OracleAsked,
  permitsAll: boolean,
): 'allow' | 'ask' | 'refuse' {
  let allowed = permitsAll;
  let asks = false;
  for (const rule of rules) {
    const applies = (rule['applies'] ?? 'calls') as string;
    if (applies !== 'both' && applies !== `${asked.kind}s`) continue;
    const effect = rule['effect'] as string;
    if (!selected(rule, asked, effect === 'allow')) continue;
    if (rule['when'] !== undefined && !open(rule['when'] as Plain, asked.now)) continue;
    const unless = rule['unless'] as Plain | undefined;
    if (unless !== undefined && meets(unless, rule, asked)) continue;
    const given = meets({ ...rule, when: undefined }, rule, asked);
    if (effect === 'allow') allowed ||= given;
    if (effect === 'deny' || (effect === 'require-approval' && !given)) return 'refuse';
    if (effect === 'require-approval') asks = true;
  }
  return !allowed ? 'refuse' : asks ? 'ask' : 'allow';
}

function selected(rule: Plain, asked: OracleAsked, every: boolean): boolean {
  const list = (field: string): readonly string[] | undefined =>
    rule[field] as readonly string[] | undefined;
  const names = (field: string, text: string): boolean =>
    list(field)?.some((name) => reads(name, text)) ?? true;
  if (!names('agents', asked.agent) || !names('principals', asked.principal)) return false;
  if (!names('tenants', asked.tenant)) return false;
  const types = asked.capabilities.map(({ type }) => type as string);
  const kinds = list('kinds');
  if (kinds !== undefined) {
    const own = asked.kind === 'call' ? [...types, ...(asked.kv ? ['kv'] : [])] : types;
    const has = (kind: string): boolean => kinds.includes(kind);
    const called = asked.kind === 'call' && has('tool.call');
    if (every ? !own.every(has) : !own.some(has) && !called) return false;
  }
  const credentials = list('credentials');
  if (credentials !== undefined) {
    const used = asked.capabilities.flatMap(({ names: own = [] }) => own as readonly string[]);
    const has = (name: string): boolean => credentials.some((each) => reads(each, name));
    if (used.length === 0 || !(every ? used.every(has) : used.some(has))) return false;
  }
  if (asked.kind === 'call') {
    if (!names('tools', asked.tool) || !names('installations', asked.installation)) return false;
    const categories = list('categories');
    return categories?.some((each) => asked.categories.some((own) => reads(each, own))) ?? true;
  }
  const tools = list('tools');
  const wanted = asked.capabilities.flatMap(({ tools: own = [] }) => own as readonly string[]);
  return (
    tools?.some((each) =>
      wanted.some((own) => WORDS.some((word) => reads(each, word) && reads(own, word))),
    ) ?? true
  );
}

/** Every text of up to four letters: two short patterns that meet, meet in one of these. */
const WORDS: readonly string[] = (() => {
  const words = [''];
  for (const word of words) {
    if (word.length < 4) words.push(...['a', 'b', '_'].map((letter) => word + letter));
  }
  return words;
})();

function meets(terms: Plain, rule: Plain, asked: OracleAsked): boolean {
  const { ceiling, seconds, trust, when } = terms;
  if (when !== undefined && !open(when as Plain, asked.now)) return false;
  if (seconds !== undefined && asked.kind === 'lease' && asked.seconds > Number(seconds)) {
    return false;
  }
  if (trust !== undefined) {
    const { level = 0, capabilities = [] } = trust as { level?: number; capabilities?: string[] };
    if ((asked.trust?.level ?? 0) < level) return false;
    if (!capabilities.every((each) => asked.trust?.capabilities.includes(each) === true)) {
      return false;
    }
  }
  return (
    ceiling === undefined ||
    within(ceiling as readonly Plain[], rule['kinds'] as readonly string[] | undefined, asked)
  );
}

function within(
  ceiling: readonly Plain[],
  kinds: readonly string[] | undefined,
  asked: OracleAsked,
): boolean {
  const measured = (kind: string): boolean => kinds?.includes(kind) ?? true;
  const of = (type: unknown): readonly Plain[] => ceiling.filter((each) => each['type'] === type);
  if (asked.kv && measured('kv') && of('kv').length === 0) return false;
  const tools = of('tool.call');
  if (asked.kind === 'call' && tools.length > 0) {
    const called = tools.some(
      (each) =>
        (each['tools'] as string[]).some((name) => reads(name, asked.tool)) &&
        argumentsFit(each['arguments'] as Plain | undefined, asked.arguments),
    );
    if (!called) return false;
  }
  return asked.capabilities.every(
    (each) =>
      !measured(each['type'] as string) || of(each['type']).some((wide) => holds(wide, each)),
  );
}

/** `max` is the only rule of an argument that the generator makes. */
function argumentsFit(rules: Plain | undefined, given: Plain): boolean {
  if (rules === undefined) return true;
  return (
    Object.keys(given).every((name) => Object.hasOwn(rules, name)) &&
    Object.entries(rules).every(
      ([name, rule]) => Number(given[name]) <= Number((rule as Plain)['max']),
    )
  );
}

function holds(wide: Plain, narrow: Plain): boolean {
  const all = (member: string, held: (own: string, of: string) => boolean): boolean =>
    (narrow[member] as string[]).every((own) =>
      (wide[member] as string[]).some((each) => held(own, each)),
    );
  const below = (own: string, each: string): boolean => own.startsWith(each.replace('**', ''));
  switch (narrow['type']) {
    case 'tool.call':
      return (
        all('tools', (own, each) => each === '*' || own === each) &&
        (wide['arguments'] === undefined || most(narrow) <= most(wide))
      );
    case 'fs.read':
    case 'fs.write':
      return all('paths', below);
    case 'http.call':
      return (
        all('methods', (own, each) => each === '*' || own === each) &&
        all('origins', (own, each) => each === '*' || own.replace(':443', '') === each) &&
        all('paths', below)
      );
    case 'spend':
      return (
        wide['currency'] === narrow['currency'] &&
        Number(narrow['amount']) <= Number(wide['amount'])
      );
    case 'credential':
      return all('names', (own, each) => own === each);
    default:
      return true;
  }
}

/** Of the one argument that has a rule; without rules, anything. */
function most({ arguments: rules }: Plain): number {
  return rules === undefined ? Infinity : Number((rules as { n: Plain }).n['max']);
}

const DAYS = ['monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday', 'sunday'];
const WEEK = 7 * 1440;

/** By minutes since Monday began: how long ago the window of each day was opened. */
function open({ days, from, to, zone }: Plain, now: number): boolean {
  const parts = Object.fromEntries(
    new Intl.DateTimeFormat('en-US', {
      timeZone: (zone ?? 'UTC') as string,
      weekday: 'long',
      hour: '2-digit',
      minute: '2-digit',
      hourCycle: 'h23',
    })
      .formatToParts(now)
      .map(({ type, value }) => [type, value]),
  );
  const minutes = (clock: unknown): number => {
    const [hours = 0, rest = 0] = (clock as string).split(':').map(Number);
    return hours * 60 + rest;
  };
  const today = DAYS.indexOf((parts['weekday'] ?? '').toLowerCase());
  const at = today * 1440 + Number(parts['hour']) * 60 + Number(parts['minute']);
  const start = minutes(from ?? '00:00');
  const end = minutes(to ?? '24:00');
  const length = end > start ? end - start : end - start + 1440;
  return ((days as string[] | undefined) ?? DAYS).some((day) => {
    const since = at - (DAYS.indexOf(day) * 1440 + start);
    return ((since % WEEK) + WEEK) % WEEK < length;
  });
}

function reads(pattern: string, text: string): boolean {
  const [first = '', ...rest] = pattern.split('*');
  if (rest.length === 0) return pattern === text;
  if (!text.startsWith(first)) return false;
  return Array.from({ length: text.length - first.length + 1 }, (_, at) => at + first.length).some(
    (at) => reads(rest.join('*'), text.slice(at)),
  );
}
