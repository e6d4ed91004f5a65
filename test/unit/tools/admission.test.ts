// The sample tools are admitted, and their definitions and answers pass warder's own checks.

import { readFileSync, readdirSync } from 'node:fs';
import { expect, test } from 'vitest';
import { admit } from '../../../src/catalog/admit.ts';
import { readDefinitions } from '../../../src/catalog/definitions.ts';
import { checkStructured } from '../../../src/catalog/schemas.ts';
import type { JsonObject } from '../../../src/base/encoding/json.ts';
import { openComponent } from './component.ts';
import { openPlugin } from './plugin.ts';

const names = readdirSync('tools', { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name);
const components = new Set(['data-query', 'fetch-extract']);

async function definitionsOf(name: string): Promise<unknown> {
  if (!components.has(name)) {
    const nothing = (): object => ({});
    const functions = ['kv_get', 'kv_set', 'kv_delete', 'kv_list'];
    const files = ['file_roots', 'file_stat', 'file_list', 'file_read'];
    const all = [...functions, ...files].map((key) => [key, nothing] as const);
    return (await openPlugin(name, Object.fromEntries(all), {})).describe();
  }
  const { operations } = await openComponent(`tools/${name}/${name}.wasm`);
  return operations.describe().map((definition) => ({
    name: definition.name,
    description: definition.description,
    inputSchema: JSON.parse(definition.inputSchema) as unknown,
    outputSchema: JSON.parse(definition.outputSchema ?? '{}') as unknown,
  }));
}

test.for(names)('%s is admitted and described without a warning', async (name) => {
  const { engine } = admit(new Uint8Array(readFileSync(`tools/${name}/${name}.wasm`)));
  expect(engine).toBe(components.has(name) ? 'component' : 'extism');
  const { tools, warnings } = readDefinitions(await definitionsOf(name));
  expect(tools.length).toBeGreaterThan(0);
  expect(warnings).toEqual([]);
});

test('what a plugin answers fits the schema it declares', async () => {
  const tool = await openPlugin('text');
  const { tools } = readDefinitions(await tool.describe());
  const text = readFileSync('test/data/texts/apache-2.0.txt', 'utf8');
  const calls: Record<string, object> = {
    text_stats: { text },
    text_diff: { before: text, after: text.replace('License', 'Licence') },
    text_replace: { text, find: 'License', replace: 'Licence' },
  };
  for (const [name, args] of Object.entries(calls)) {
    const definition = tools.find((one) => one.name === name);
    const { structuredContent } = await tool.call(name, args);
    expect(definition?.outputSchema).toBeDefined();
    if (definition) checkStructured(definition, structuredContent as JsonObject);
  }
});
