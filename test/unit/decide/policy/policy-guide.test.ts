// The examples of docs/policy.md are sound policies, and the guide names what the schema has.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { expect, test } from 'vitest';

import { cedarSchema } from '../../../../src/decide/policy/cedar-schema.ts';
import { PolicyHolder } from '../../../../src/decide/policy/policy-holder.ts';
import { ECHO, starter, toolWith } from '../../../support/decision.ts';

const guide = readFileSync(join(import.meta.dirname, '../../../../docs/policy.md'), 'utf8');
const tools = [
  ECHO,
  toolWith(
    { type: 'object', properties: { path: { type: 'string' } }, required: ['path'] },
    'files_read',
  ),
];

test('its examples, together with the starter, pass the check without a doubt of their own', async () => {
  const blocks = [...guide.matchAll(/```cedar\n([^]*?)```/g)].map(([, text]) => text ?? '');
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
