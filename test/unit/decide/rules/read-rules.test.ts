import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, it } from 'vitest';
import { readRules } from '../../../../src/decide/rules/read-rules.ts';

const schema = join(import.meta.dirname, '../../../../src/decide/rules/rules.schema.json');
/** Whether an editor that knows the published schema finds nothing wrong. */
const accepts = new Ajv2020({ strict: false }).compile(
  JSON.parse(readFileSync(schema, 'utf8')) as object,
);
/** What a schema cannot say. */
const BEYOND_SCHEMA = [
  'another time than',
  'before 24:00',
  'midnight at the end',
  'must be a time zone',
  'must be a principal',
];

function faults(rule: object): readonly string[] {
  const text = JSON.stringify({ rules: [{ name: 'r', ...rule }] });
  return readRules(text).faults.map(({ reason }) => reason);
}

describe('a file of rules', () => {
  it('has comments and trailing commas, and says in which line each rule stands', () => {
    const { rules, faults: none } = readRules(`// what the desk may do
{
  "rules": [
    /* reading */
    { "name": "reads", "effect": "allow", "kinds": ["fs.read",], },

    { "name": "never", // a "quote" and a , in a comment
      "effect": "deny", "tools": ["a//b", "x,]"], },
  ],
}`);
    expect(none).toEqual([{ line: 8, reason: expect.stringContaining('rules[1].tools[1]') }]);
    expect(rules.map(({ name, line }) => [name, line])).toEqual([
      ['reads', 5],
      ['never', 7],
    ]);
    expect(rules[1]?.selectors[0]?.names).toEqual(['a//b']);
  });

  it.each([
    ['{"rules": [,]}', 'expected a value'],
    ['{"rules": [{},,]}', 'expected a value'],
    ['{"rules": []}', 'an empty list says nothing'],
    ['[]', 'the file must be an object'],
    ['{"rule": []}', 'has no member `rule`, did you mean `rules`?'],
    ['{"rules": [{"name": "a", "name": "b"}]}', 'stands twice'],
    ['{"rules": [{"__proto__": 1}]}', 'has no member `__proto__`'],
    ['{"rules": [1]}', '`rules[0]` must be an object'],
    [`{"rules": ${'['.repeat(5000)}`, 'nested deeper'],
    ['\u{feff}{}', 'expected a value'],
  ])('%s is refused', (text, reason) => {
    expect(
      readRules(text)
        .faults.map((fault) => fault.reason)
        .join('; '),
    ).toContain(reason);
  });

  it('says the line of each fault', () => {
    const text = '{"rules": [\n{"name": "a", "effect": "deny",\n"tools": [\n""]}]}';
    expect(readRules(text).faults).toEqual([
      { line: 4, reason: expect.stringMatching(/^`rules\[0\]\.tools\[0\]` must be the name/) },
    ]);
  });
});

describe('a rule', () => {
  it.each<[object, string]>([
    [{}, '`rules[0].effect` must be allow, require-approval, deny or limit'],
    [{ effect: 'alow' }, 'did you mean `allow`?'],
    [{ effect: 'deny', maxDurationMS: 1 }, 'has no member `maxDurationMS`'],
    [{ effect: 'deny', tool: ['a'] }, 'has no member `tool`, did you mean `tools`?'],
    [{ effect: 'deny', tools: [] }, 'leave it out for "any"'],
    [{ effect: 'deny', tools: ['a', 'a'] }, '`rules[0].tools[1]` stands twice'],
    [{ effect: 'deny', tools: 'a' }, '`rules[0].tools` must be a list'],
    [{ effect: 'deny', principals: ['a\u202eb'] }, 'must be a principal'],
    [{ effect: 'deny', kinds: ['fs.raed'] }, 'must be one of tool.call, fs.read'],
    [{ effect: 'deny', name: 'A B' }, 'must be of lower-case letters'],
    [{ effect: 'deny', applies: 'call' }, 'did you mean `calls`?'],
    [{ effect: 'deny', ceiling: [{ type: 'kv' }] }, 'put it into `unless`'],
    [{ effect: 'deny', trust: { level: 5 } }, 'put it into `unless`'],
    [{ effect: 'deny', reason: 'x' }, 'nobody is asked'],
    [{ effect: 'allow', hint: 'x' }, 'this rule refuses nothing'],
    [{ effect: 'allow', unless: { trust: { level: 1 } } }, 'means nothing in a rule of effect'],
    [{ effect: 'require-approval' }, '`rules[0].reason` must be one line'],
    [{ effect: 'require-approval', reason: 'a\nb' }, 'must be one line'],
    [{ effect: 'require-approval', reason: 'a', approvals: 6 }, 'from 1 to 5'],
    [{ effect: 'allow', ceiling: [] }, 'an empty list says nothing'],
    [{ effect: 'allow', ceiling: [{ type: 'spend', currency: 'EUR', amount: -1 }] }, 'positive'],
    [{ effect: 'allow', ceiling: [{ type: 'kv', x: 1 }] }, '`rules[0].ceiling[0].type` must be'],
    [
      { effect: 'allow', ceiling: [{ type: 'kv' }, { type: 'fs.read', paths: ['a'] }] },
      '`rules[0].ceiling[1].paths[0]` must be an absolute path',
    ],
    [{ effect: 'allow', seconds: 60 }, 'set `applies` to `leases`'],
    [{ effect: 'allow', applies: 'leases', seconds: 0 }, 'from 1 to 86400'],
    [{ effect: 'allow', applies: 'leases', tools: ['a'] }, 'say in `ceiling` all that a lease'],
    [{ effect: 'deny', applies: 'both', installations: ['a'] }, 'rules that apply to calls alone'],
    [{ effect: 'deny', unless: {} }, 'must say something'],
    [{ effect: 'deny', unless: { kinds: ['kv'] } }, 'has no member `kinds`'],
    [{ effect: 'limit' }, '`rules[0].rate` must be an object'],
    [{ effect: 'limit', rate: { calls: 1, per: 'week' } }, 'must be minute, hour or day'],
    [{ effect: 'limit', rate: { calls: 0.5, per: 'day' } }, 'must be a whole number'],
    [{ effect: 'limit', rate: { calls: 1, per: 'day', each: [] } }, 'an empty list says nothing'],
    [{ effect: 'limit', applies: 'both', rate: { calls: 1, per: 'day' } }, 'a rate counts calls'],
    [{ effect: 'deny', rate: { calls: 1, per: 'day' } }, 'with the effect `limit`'],
    [{ effect: 'deny', when: {} }, 'must have `days`, or `from` and `to`'],
    [{ effect: 'deny', when: { from: '22:00' } }, 'both of `from` and `to`'],
    [{ effect: 'deny', when: { from: '22:00', to: '22:00' } }, 'another time than `from`'],
    [{ effect: 'deny', when: { from: '24:00', to: '06:00' } }, 'before 24:00'],
    [{ effect: 'deny', when: { from: '22:00', to: '00:00' } }, 'midnight at the end is 24:00'],
    [{ effect: 'deny', when: { from: '9:00', to: '10:00' } }, 'a time of day like `22:00`'],
    [{ effect: 'deny', when: { days: ['mon'] } }, 'must be one of monday'],
    [{ effect: 'deny', when: { days: ['monday'], zone: 'Europe/Berlim' } }, 'must be a time zone'],
    [{ effect: 'allow', trust: {} }, 'must have a `level`, `capabilities`, or both'],
    [{ effect: 'allow', trust: { level: 0 } }, 'from 1 to 100'],
    [{ effect: 'allow', trust: { capabilities: [] } }, 'an empty list says nothing'],
  ])('%j is refused, and in an editor too', (rule, reason) => {
    expect(faults(rule).join('; ')).toContain(reason);
    const beyond = BEYOND_SCHEMA.some((each) => reason.includes(each));
    expect(accepts({ rules: [{ name: 'r', ...rule }] })).toBe(beyond);
  });

  it('may have everything that means something with its effect', () => {
    const ceiling = [
      { type: 'kv' },
      { type: 'tool.call', tools: ['a*'], arguments: { n: { max: 3, optional: true } } },
      { type: 'http.call', methods: ['*'], origins: ['https://*.a.test'], paths: ['/**'] },
      { type: 'spend', currency: 'EUR', amount: 1, notBefore: 1, notAfter: 2 },
      { type: 'credential', names: ['a'] },
    ];
    const trust = { level: 1, capabilities: ['a b'] };
    const when = { days: ['monday'], from: '00:00', to: '24:00', zone: 'Asia/Kolkata' };
    const who = { agents: ['a'], principals: ['spiffe://a/*'], tenants: ['t'], tools: ['a/*'] };
    const where = { installations: ['a'], categories: ['b*'], credentials: ['c'], kinds: ['kv'] };
    const rate = { calls: 0, per: 'minute', zone: 'UTC', each: ['category', 'lease'] };
    const rules = [
      { name: 'a', effect: 'allow', ...who, ...where, when, ceiling, trust, rate },
      {
        name: 'b',
        effect: 'require-approval',
        applies: 'both',
        reason: 'r',
        hint: 'h',
        approvals: 5,
        ...who,
        ceiling,
        seconds: 86_400,
        trust,
        unless: { ceiling, seconds: 1, trust, when },
      },
      { name: 'c', effect: 'deny', applies: 'leases', hint: 'h', ...who, unless: { seconds: 9 } },
      { name: 'd', effect: 'limit', applies: 'calls', ...who, ...where, when, rate },
    ];
    const file = { $schema: 'rules.schema.json', rules };
    expect(readRules(JSON.stringify(file)).faults).toEqual([]);
    expect(accepts(file)).toBe(true);
  });

  it('is bounded: rules, names and text', () => {
    const many = Array.from({ length: 501 }, (_, at) => ({ name: `r${at}`, effect: 'deny' }));
    expect(readRules(JSON.stringify({ rules: many })).faults[0]?.reason).toContain('1 to 500');
    const tools = Array.from({ length: 65 }, (_, at) => `t${at}`);
    expect(faults({ effect: 'deny', tools })[0]).toContain('1 to 64 values');
    expect(faults({ effect: 'deny', hint: 'x'.repeat(501) })[0]).toContain('1 to 500');
    const bad = Array.from({ length: 400 }, () => ({ a: 1 }));
    expect(readRules(JSON.stringify({ rules: bad })).faults).toHaveLength(50);
  });
});
