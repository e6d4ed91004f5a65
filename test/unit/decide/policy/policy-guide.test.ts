// The examples of docs/policy.md are sound policies, and the guide names what the schema has.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { describe, expect, test } from 'vitest';

import { cedarSchema } from '../../../../src/decide/policy/cedar-schema.ts';
import { PolicyHolder } from '../../../../src/decide/policy/policy-holder.ts';
import { parsePolicyCases } from '../../../../src/decide/policy/policy-case.ts';
import { compiled, compiledLines } from '../../../../src/front/cli/commands/compiled-rules.ts';
import { ECHO, starter, toolWith } from '../../../support/decision.ts';
import { GUIDE_GROUND, GUIDE_TOOLS } from '../../../support/guide-tools.ts';

const docs = join(import.meta.dirname, '../../../../docs');
const guide = readFileSync(join(docs, 'policy.md'), 'utf8');
const [manual = '', worked = ''] = guide.split(/^## Ten policies, worked out$/m);
/** A file of an example, under its name. */
const FILE = /^`([a-z]+\.(?:cedar|rules\.json))`[^\n]*:\n\n```(?:cedar|jsonc)\n([^]*?)```/gm;
const tools = [
  ECHO,
  toolWith(
    { type: 'object', properties: { path: { type: 'string' } }, required: ['path'] },
    'files_read',
  ),
];

test('its examples, together with the starter, pass the check without a doubt of their own', async () => {
  const blocks = [...manual.matchAll(/```cedar\n([^]*?)```/g)].map(([, text]) => text ?? '');
  expect(blocks.length).toBeGreaterThan(3);
  const files = blocks.map((text, at) => ({ name: `example-${at}.cedar`, text }));
  const holder = await PolicyHolder.open(starter());
  const { errors, warnings } = holder.check(tools, [...starter(), ...files]);
  expect(errors).toEqual([]);
  expect(warnings.filter((warning) => !warning.includes('is not in `context.args`'))).toEqual([]);
});

test('it has a line for every attribute of context', () => {
  const action = cedarSchema(tools)['']?.actions['call:text_echo'];
  const context = action?.appliesTo?.context as { readonly attributes: Record<string, unknown> };
  for (const name of Object.keys(context.attributes)) {
    expect(guide).toContain(`| \`context.${name}\``);
  }
});

test('the compiled rules it shows are what the rules beside them compile to', () => {
  const [, source = ''] = /```jsonc\n(\/\/ desk\.rules\.json\n[^]*?)```/.exec(manual) ?? [];
  const [, shown = ''] =
    /\$ warder policy compile desk\.rules\.json\n([^]*?)```/.exec(manual) ?? [];
  const made = compiled([{ name: 'desk.rules.json', text: source }]).flatMap(compiledLines);
  expect(shown.trim()).toBe(made.join('\n').trim());
});

/** Each worked example: its title, its files, and the file of its cases. */
const examples = worked
  .split(/^## /m)[0]
  ?.split(/^### /m)
  .slice(1)
  .map((section) => ({
    title: section.split('\n')[0] ?? '',
    files: [...section.matchAll(FILE)].map(([, name = '', text = '']) => ({ name, text })),
    instead: /in the place of `([a-z0-9-]+\.cedar)`/.exec(section)?.[1],
    cases: /\]\((policies\/[a-z]+\.cases\.json)\)/.exec(section)?.[1] ?? '',
  }));

test('there are ten worked examples', () => {
  expect(examples).toHaveLength(10);
});

describe.each(examples ?? [])('$title', ({ files, instead, cases }) => {
  const base = starter().filter(({ name }) => ![instead, '20-approvals.cedar'].includes(name));

  test('is sound', async () => {
    expect(files.length).toBeGreaterThan(0);
    const holder = await PolicyHolder.open(base);
    const { errors, warnings } = holder.check(GUIDE_TOOLS, [...base, ...files]);
    expect(errors).toEqual([]);
    expect(warnings.filter((warning) => !warning.includes('is not in `context.args`'))).toEqual([]);
  });

  test('does what its cases say', async () => {
    const parsed = parsePolicyCases(readFileSync(join(docs, cases), 'utf8'));
    const holder = await PolicyHolder.open(base);
    const results = holder.test([...base, ...files], parsed, GUIDE_GROUND);
    expect(results.filter(({ passed }) => !passed)).toEqual([]);
  });

  test('is what its cases rest on: without it some go another way', async () => {
    const parsed = parsePolicyCases(readFileSync(join(docs, cases), 'utf8'));
    const holder = await PolicyHolder.open(base);
    expect(holder.test(base, parsed, GUIDE_GROUND).some(({ passed }) => !passed)).toBe(true);
  });
});
