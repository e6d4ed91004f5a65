import fc from 'fast-check';
import { expect, test } from 'vitest';
import { buildLeaf } from '../../../src/trust/receipt/build-leaf.ts';
import type { ReceiptFacts } from '../../../src/trust/receipt/leaf.ts';
import { parseLeaf } from '../../../src/trust/verify/leaf.ts';
import { callFacts, random } from './log-fixture.ts';

const hostile = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 400 }),
  fc.string({
    unit: fc.constantFrom('"', '\\', '\u2028', '\ud800', '\u0000', '漢'),
    maxLength: 600,
  }),
);

test('whatever the facts, there is a leaf of at most 16 KiB that parses', () => {
  const facts = fc.record({
    tool: hostile,
    task: hostile,
    lease: hostile,
    approval: hostile,
    code: hostile,
    reason: hostile,
    principal: hostile,
    arguments: fc.dictionary(hostile, hostile, { maxKeys: 3 }),
    detail: fc.dictionary(hostile, hostile, { maxKeys: 3 }),
    rules: fc.array(hostile, { maxLength: 40 }),
    effects: fc.integer({ min: 0, max: 500 }),
    target: hostile,
  });
  fc.assert(
    fc.property(facts, ({ rules, effects, target, ...rest }) => {
      const kinds = ['http', 'kv', 'file-read', 'file-write'] as const;
      const states = ['refused', 'not-sent', 'sent', 'answered'] as const;
      const { bytes, openings } = buildLeaf(
        callFacts({
          ...rest,
          installation: { id: target, digest: target },
          effects: Array.from({ length: effects }, (_, at) => ({
            kind: kinds[at % 4] ?? 'kv',
            state: states[Math.floor(at / 4) % 4] ?? 'sent',
            count: at,
            target,
            bytes: Number.MAX_SAFE_INTEGER,
          })),
          decision: { effect: 'allow', rules, policyDigest: 'x', latencyUs: Number.NaN },
          usage: Object.fromEntries(rules.map((rule, at) => [`u${at}`, rule.length])),
        }),
        random,
      );
      expect(bytes.length).toBeLessThanOrEqual(16 * 1024);
      const { predicate } = parseLeaf(bytes);
      expect(predicate.effects?.length ?? 0).toBe(openings.effects.length);
    }),
    { numRuns: 300 },
  );
});

test('folded effects lose no count, no byte and no target', () => {
  const effects = Array.from({ length: 100 }, (_, at) => ({
    kind: 'http' as const,
    state: 'answered' as const,
    count: 2,
    bytes: 10,
    target: `GET /${at}`,
  }));
  const { bytes, openings } = buildLeaf(callFacts({ effects }), random);
  const shown = parseLeaf(bytes).predicate.effects ?? [];
  expect(shown.reduce((sum, { count }) => sum + count, 0)).toBe(200);
  expect(shown.reduce((sum, each) => sum + each.bytes, 0)).toBe(1000);
  const targets = openings.effects.flatMap((each) => ('value' in each ? each.value : []));
  expect(targets).toEqual(effects.map(({ target }) => target));
});

test('a long result is shortened in its opening, whole in its commitment', () => {
  const result = { text: 'x'.repeat(100_000) };
  const { openings } = buildLeaf(callFacts({ result }), random);
  expect(openings.fields['result']).toMatchObject({
    shortened: { bytes: 100_011, head: expect.stringMatching(/^{"text":"x+$/) },
  });
});

test('values that are not public stand nowhere in the leaf', () => {
  const secret: Partial<ReceiptFacts> = {
    principal: 'agent:topsecret',
    arguments: { password: 'topsecret' },
    result: { answer: 'topsecret' },
    reason: 'because topsecret',
    effects: [
      { kind: 'http', state: 'sent', count: 1, bytes: 1, target: 'GET https://topsecret.example/' },
    ],
    decision: { effect: 'allow', rules: ['r'], policyDigest: 'topsecret', latencyUs: 1 },
  };
  const { bytes } = buildLeaf(callFacts(secret), random);
  expect(new TextDecoder().decode(bytes)).not.toContain('topsecret');
});

test('two receipts of the same call share no commitment and no nonce', () => {
  const facts = callFacts();
  const all = [1, 2].flatMap(() => {
    const { predicate } = parseLeaf(buildLeaf(facts, random).bytes);
    return [
      predicate.nonce,
      ...Object.values(predicate.commitments ?? {}),
      ...(predicate.effects ?? []).map(({ target }) => target),
      predicate.decision?.policy,
    ];
  });
  expect(new Set(all).size).toBe(all.length);
});

test('what JSON cannot say is kept as text about it', () => {
  const { bytes, openings } = buildLeaf(callFacts({ result: { text: '\ud800' } }), random);
  parseLeaf(bytes);
  expect(openings.fields['result']).toMatchObject({
    value: { unrepresentable: expect.stringContaining('text') },
  });
});

test('too little randomness makes no leaf', () => {
  expect(() => buildLeaf(callFacts(), () => new Uint8Array(16))).toThrow(
    expect.objectContaining({ code: 'internal' }),
  );
});

test('a leaf with all there can be has a salt of its own for each commitment', () => {
  const rules = Array.from({ length: 17 }, (_, at) => `r${at}`);
  const effects = Array.from({ length: 24 }, () => ({
    kind: 'kv' as const,
    state: 'sent' as const,
    count: 1,
    bytes: 1,
    target: 'same',
  }));
  const { openings } = buildLeaf(
    callFacts({
      effects,
      reason: 'why',
      decision: { effect: 'allow', rules, policyDigest: 'p', latencyUs: 1 },
      detail: { long: 'x'.repeat(2000) },
      spend: { currency: 'EUR', amount: 1 },
    }),
    random,
  );
  const names = [
    'principal',
    'arguments',
    'result',
    'reason',
    'policy',
    'rules',
    'detail',
    'spend',
  ];
  expect(Object.keys(openings.fields)).toEqual(names);
  const all = [...Object.values(openings.fields), ...openings.effects];
  const salts = all.map((kept) => ('salt' in kept ? kept.salt : ''));
  expect(salts.every((salt) => /^[0-9a-f]{32}$/.test(salt))).toBe(true);
  expect(new Set(salts).size).toBe(32);
});
