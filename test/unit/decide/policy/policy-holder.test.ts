import { readdirSync } from 'node:fs';

import { describe, expect, test } from 'vitest';

import { WarderError } from '../../../../src/base/errors/errors.ts';
import { openMemoryStore } from '../../../../src/base/store/memory/memory-store.ts';
import { PolicyHolder } from '../../../../src/decide/policy/policy-holder.ts';
import type { PolicyFile } from '../../../../src/decide/policy/policy-source.ts';
import {
  activePolicy,
  policyTable,
  savePolicy,
} from '../../../../src/decide/policy/policy-table.ts';
import {
  starterPolicyDirectory,
  starterPolicyFiles,
} from '../../../../src/decide/policy/starter-policy.ts';
import {
  ECHO,
  filesOf,
  holderOf,
  inputOf,
  PERMIT_ALL,
  starter,
} from '../../../support/decision.ts';

function errorsOf(work: () => unknown): readonly string[] {
  try {
    work();
  } catch (thrown) {
    if (thrown instanceof WarderError) return thrown.data['errors'] as readonly string[];
    throw thrown;
  }
  throw new Error('nothing was thrown');
}

describe('the starter policy', () => {
  test('is sound and without doubts, with and without tools', async () => {
    const holder = await PolicyHolder.open(starter());
    const nothing = { errors: [], warnings: [], several: [], categories: [], signals: [] };
    expect(holder.check([])).toEqual({ digest: holder.digest, ...nothing });
    expect(holder.check([ECHO])).toEqual({ digest: holder.digest, ...nothing });
  });

  test('is all of its directory', () => {
    expect(readdirSync(starterPolicyDirectory()).sort()).toEqual([...starterPolicyFiles]);
  });
});

test('categories are found wherever a policy names them', async () => {
  const holder = await holderOf(
    PERMIT_ALL,
    'forbid (principal, action, resource in Category::"one");',
    `forbid (principal, action, resource)
     when { resource in [Category::"two", Category::"one"] || context.args.text == "Category::three" };`,
  );
  expect(holder.check([ECHO]).categories).toEqual([
    { category: 'one', place: '1.cedar:1' },
    { category: 'two', place: '2.cedar:1' },
  ]);
});

test('signals of risk are found wherever a policy looks for them', async () => {
  const holder = await holderOf(
    PERMIT_ALL,
    'forbid (principal, action in Action::"call", resource) when { context.risk.signals.contains("one") };',
    `forbid (principal, action in Action::"call", resource)
     when { context.argsUnmapped.contains("three") && !context.risk.signals.containsAny(["two", "one"]) };`,
    'forbid (principal, action in Action::"call", resource) when { context.trust.capabilities.contains("four") };',
  );
  expect(holder.check([ECHO]).errors).toEqual([]);
  expect(holder.check([ECHO]).signals).toEqual([
    { signal: 'one', place: '1.cedar:1' },
    { signal: 'two', place: '2.cedar:1' },
  ]);
});

describe('a draft that is not sound', () => {
  test.each([
    [
      'does not parse',
      '\n\nforbid (principal, action, resource) when { context. };',
      /^0\.cedar:3: .*unexpected token/,
    ],
    [
      'names a tool that is not there',
      'forbid (principal, action == Action::"call:nope", resource);',
      /^0\.cedar:1: unrecognized action/,
    ],
    [
      'names an argument that is not there',
      `${PERMIT_ALL}\nforbid (principal, action == Action::"call:text_echo", resource)\nwhen { context.args.tex == "x" };`,
      /^0\.cedar:3: .*`args\.tex`/,
    ],
    [
      'reads an optional argument unasked',
      'forbid (principal, action == Action::"call:text_echo", resource) when { context.args.text == "x" };',
      /unable to guarantee safety/,
    ],
    [
      'compares different types',
      'forbid (principal, action == Action::"call:text_echo", resource) when { context.args has count && context.args.count == "7" };',
      /types? .* not compatible/i,
    ],
    ['is a template', 'permit (principal == ?principal, action, resource);', /templates/],
    [
      'asks without a reason',
      '@approval forbid (principal, action, resource) unless { context.approved };',
      /`@approval` needs a text/,
    ],
    [
      'takes no persons',
      '@approval("x") @approvals("0") forbid (principal, action, resource) unless { context.approved };',
      /`@approvals` is a number of persons/,
    ],
    [
      'takes six persons',
      '@approval("x") @approvals("6") forbid (principal, action, resource) unless { context.approved };',
      /`@approvals` is a number of persons/,
    ],
    [
      'takes one and a half persons',
      '@approval("x") @approvals("1.5") forbid (principal, action, resource) unless { context.approved };',
      /`@approvals` is a number of persons/,
    ],
    [
      'takes two, in words persons',
      '@approval("x") @approvals("two") forbid (principal, action, resource) unless { context.approved };',
      /`@approvals` is a number of persons/,
    ],
    [
      'takes minus two persons',
      '@approval("x") @approvals("-2") forbid (principal, action, resource) unless { context.approved };',
      /`@approvals` is a number of persons/,
    ],
    [
      'takes twenty, by a slip persons',
      '@approval("x") @approvals("02") forbid (principal, action, resource) unless { context.approved };',
      /`@approvals` is a number of persons/,
    ],
    [
      'takes blank persons',
      '@approval("x") @approvals("") forbid (principal, action, resource) unless { context.approved };',
      /`@approvals` needs a text/,
    ],
    [
      'counts persons without asking any',
      '@approvals("2") forbid (principal, action, resource) unless { context.approved };',
      /it needs `@approval\("reason"\)`/,
    ],
    [
      'asks on a permit',
      '@approval("x") permit (principal, action, resource);',
      /belongs on a `forbid`/,
    ],
    [
      'uses a name twice',
      '@id("a") permit (principal, action, resource); @id("a") forbid (principal, action, resource);',
      /`@id` is used at 0\.cedar:1 already/,
    ],
    [
      'repeats an annotation',
      '@id("a") @id("b") permit (principal, action, resource);',
      /duplicate annotation/,
    ],
    ['has a lone surrogate', '// \ud800', /not well-formed/],
  ])('is refused with its place: %s', async (_, text, error) => {
    const holder = await holderOf(PERMIT_ALL);
    const { digest } = holder;
    expect(errorsOf(() => holder.prepare(filesOf(text), [ECHO]))).toContainEqual(
      expect.stringMatching(error),
    );
    expect(holder.digest).toBe(digest);
    expect(holder.decide(inputOf({})).kind).toBe('permit');
  });

  test.each([['../x.cedar'], ['x.txt'], ['.cedar'], ['a\n.cedar']])(
    'has no file named %j',
    async (name) => {
      const holder = await holderOf(PERMIT_ALL);
      expect(errorsOf(() => holder.prepare([{ name, text: PERMIT_ALL }], []))).toHaveLength(1);
    },
  );

  test('has no file twice, and no megabytes', async () => {
    const holder = await holderOf(PERMIT_ALL);
    const file = { name: 'a.cedar', text: PERMIT_ALL };
    expect(errorsOf(() => holder.prepare([file, file], []))).toContain(
      'a.cedar: there are two files of that name',
    );
    const long = { name: 'a.cedar', text: `// ${'x'.repeat(1 << 20)}` };
    expect(errorsOf(() => holder.prepare([long], []))[0]).toContain('longer than');
  });
});

describe('doubts', () => {
  test.each([
    [
      'an annotation that means nothing',
      `@aproval("x") ${PERMIT_ALL}`,
      /`@aproval` means nothing here/,
    ],
    [
      'an asking policy that nothing lifts',
      `${PERMIT_ALL} @approval("x") forbid (principal, action in Action::"call", resource) when { context.reach.kv };`,
      /no approval can lift this/,
    ],
    [
      'a test of approval that nobody is asked for',
      'permit (principal, action in Action::"call", resource) when { context.approved };',
      /nobody is asked for it/,
    ],
    [
      'the same policy twice',
      `${PERMIT_ALL}\n${PERMIT_ALL}`,
      /0\.cedar:2: the same policy stands at 0\.cedar:1/,
    ],
    [
      'nothing permitted',
      'forbid (principal, action in Action::"call", resource) when { context.operator };',
      /no policy permits anything/,
    ],
    [
      'arguments out of sight',
      `${PERMIT_ALL} forbid (principal, action == Action::"call:text_echo", resource) when { context.args has text && context.args.text == "x" };`,
      /argument `\/ratio` is not in `context\.args` \(Cedar has no fractions\)/,
    ],
  ])('%s', async (_, text, warning) => {
    const { errors, warnings } = (await holderOf(PERMIT_ALL)).check([ECHO], filesOf(text));
    expect(errors).toEqual([]);
    expect(warnings).toContainEqual(expect.stringMatching(warning));
  });

  test('not about arguments no policy looks at', async () => {
    expect((await holderOf(PERMIT_ALL)).check([ECHO]).warnings).toEqual([]);
  });
});

describe('putting a set in force', () => {
  test('takes effect whole; the one before answers nothing any more', async () => {
    const holder = await holderOf(PERMIT_ALL);
    const first = holder.prepare(filesOf(PERMIT_ALL), []);
    holder.use(first);
    const none = holder.prepare(filesOf('forbid (principal, action, resource);'), []);
    expect(holder.decide(inputOf({})).kind).toBe('permit');
    holder.use(none);
    expect(holder.decide(inputOf({})).kind).toBe('refused');
    expect(holder.digest).toBe(none.digest);
    expect(
      first.ask({
        principal: { type: 'P', id: '1' },
        action: { type: 'Action', id: 'call' },
        resource: { type: 'R', id: '1' },
        context: {},
        entities: [],
      }).verdict,
    ).toBe('error');
  });

  test('two holders do not meet', async () => {
    const [yes, no] = await Promise.all([holderOf(PERMIT_ALL), holderOf('')]);
    yes.use(
      yes.prepare(
        filesOf(PERMIT_ALL, '@hint("h") forbid (principal == Principal::"eve", action, resource);'),
        [],
      ),
    );
    expect(no.decide(inputOf({})).kind).toBe('refused');
    expect(yes.decide(inputOf({})).kind).toBe('permit');
  });

  test('a policy for a tool that is gone neither stops the start nor loosens anything', async () => {
    const holder = await holderOf(
      PERMIT_ALL,
      'forbid (principal, action == Action::"call:gone", resource) when { context.args.x == 1 };',
    );
    expect(holder.check([ECHO]).errors).toHaveLength(1);
    expect(holder.decide(inputOf({})).kind).toBe('permit');
    const definition = { name: 'gone', description: '', inputSchema: { type: 'object' } };
    expect(holder.decide(inputOf({}, { definition })).kind).toBe('refused');
  });

  test('is kept by digest in the store', async () => {
    const store = openMemoryStore({ tables: [policyTable], sequences: [] });
    const holder = await PolicyHolder.open(starter());
    expect(store.read(activePolicy)).toBe(undefined);
    const set = holder.prepare(starter(), []);
    await store.commit((tx) => savePolicy(tx, set, 5));
    const kept = store.read(activePolicy);
    expect(kept).toMatchObject({ digest: holder.digest, since: 5 });
    const again = await PolicyHolder.open(kept?.files ?? []);
    expect(again.digest).toBe(holder.digest);
    await store.commit((tx) => tx.delete(policyTable, 'default', holder.digest));
    expect(() => store.read(activePolicy)).toThrow('the policy in force is missing');
  });
});

describe('declared rules', () => {
  const rules = (...list: readonly object[]): PolicyFile => ({
    name: '2.rules.json',
    text: JSON.stringify({ rules: list }, undefined, 1),
  });

  test('are validated like Cedar, each fault with file and line', async () => {
    const holder = await holderOf(PERMIT_ALL);
    const { errors, warnings } = holder.check(
      [ECHO],
      [
        ...filesOf(PERMIT_ALL),
        rules(
          { name: 'a', effect: 'deny', tools: ['text_ehco'] },
          { name: 'b', effect: 'deny', tools: ['text_*', 'web_*'] },
        ),
      ],
    );
    expect(errors.join()).toMatch(/^2\.rules\.json:3: .*text_ehco/);
    expect(warnings.join()).toContain('2.rules.json:10: `web_*` names no installed tool');
    expect(warnings.join()).not.toContain('`text_*`');
  });

  test('share names with no policy of Cedar', async () => {
    const holder = await holderOf(PERMIT_ALL);
    const files = [...filesOf(`@id("a") ${PERMIT_ALL}`), rules({ name: 'a', effect: 'deny' })];
    expect(holder.check([], files).errors.join()).toContain('`@id` is used at 0.cedar:1 already');
  });

  test('are explained by their name, their place and what they compile to', async () => {
    const holder = await PolicyHolder.open([rules({ name: 'no', effect: 'deny', tools: ['t*'] })]);
    const [rule] = holder.rules;
    expect(holder.explain([rule?.rule ?? ''])).toMatchObject([
      { id: 'no', file: '2.rules.json', line: 3, effect: 'forbid' },
    ]);
    expect(rule?.text).toMatch(/^\/\/ names_[0-9a-f]{32}: any of tools t\*\n@id\("no"\)\nforbid/);
  });

  test('that ask give nothing: what no rule allows is refused, and nobody is asked', async () => {
    const asks = { name: 'asks', effect: 'require-approval', reason: 'why' };
    const allows = { name: 'allows', effect: 'allow', principals: ['alice'] };
    const denies = { name: 'denies', effect: 'deny', agents: ['default'] };
    const kind = async (...list: readonly object[]): Promise<string> =>
      (await PolicyHolder.open([rules(...list)])).decide(inputOf({})).kind;
    expect(await kind(allows)).toBe('permit');
    expect(await kind(asks)).toBe('refused');
    expect(await kind(asks, allows)).toBe('approval-required');
    expect(await kind(denies, asks, allows)).toBe('refused');
    expect(await kind(allows, asks, denies)).toBe('refused');
  });

  test('change the digest with what they measure', async () => {
    const of = async (amount: number): Promise<string> => {
      const ceiling = [{ type: 'spend', currency: 'EUR', amount }];
      return (await PolicyHolder.open([rules({ name: 'a', effect: 'allow', ceiling })])).digest;
    };
    expect(await of(1)).toBe(await of(1));
    expect(await of(1)).not.toBe(await of(2));
  });
});

describe('the digest', () => {
  const digest = async (...files: PolicyFile[]): Promise<string> =>
    (await PolicyHolder.open(files)).digest;
  const forbid = 'forbid (principal, action, resource) when { context.operator };';

  test('does not depend on files, order, comments and blanks', async () => {
    const one = await digest({ name: 'a.cedar', text: `${PERMIT_ALL}\n${forbid}` });
    const other = await digest(
      { name: 'b.cedar', text: `// first\n${forbid}` },
      { name: 'c.cedar', text: PERMIT_ALL.replaceAll(' ', '\n ') },
    );
    expect(other).toBe(one);
  });

  test('depends on conditions and annotations', async () => {
    const texts = [
      forbid,
      forbid.replace('operator', 'approved'),
      `@approval("x") ${forbid}`,
      `@approval("y") ${forbid}`,
    ];
    const digests = await Promise.all(texts.map((text) => digest({ name: 'a.cedar', text })));
    expect(new Set(digests).size).toBe(texts.length);
  });
});
