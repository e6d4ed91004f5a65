// Every WIT type there and back, through a component that gives back what it gets.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { componentize } from 'componentize-qjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { readDefinitions } from '../../../src/catalog/definitions.ts';
import { checkArguments } from '../../../src/catalog/schemas.ts';
import type { ToolDefinition } from '../../../src/catalog/installation.ts';
import { loadComponent } from '../../../src/run/sandbox/executor/component/load.ts';
import type { LoadedTool } from '../../../src/run/sandbox/executor/engine.ts';
import { fromWit, toWit } from '../../../src/run/sandbox/executor/component/values.ts';
import { transpile } from '../../../src/run/sandbox/transpile/transpile.ts';
import { fakeHost } from './host-fake.ts';

// The guest's QuickJS rounds a u64 above 2^53; the last test goes up to 2^64 - 1 without it.
const TYPES: readonly (readonly [name: string, type: string, good: readonly unknown[], bad: readonly unknown[]])[] = [
  ['a-bool', 'bool', [true, false], [1, 'true', null]],
  ['an-s8', 's8', [-128, 127], [128, 1.5, '1']],
  ['a-u16', 'u16', [0, 65_535], [-1, 65_536]],
  ['an-s32', 's32', [-2_147_483_648], [2_147_483_648]],
  ['a-u32', 'u32', [4_294_967_295], [-1]],
  ['an-s64', 's64', [-5, '-9223372036854775808'], ['9223372036854775808', 1.5, 'x']],
  ['a-u64', 'u64', [0, 9_007_199_254_740_991], [-1, '-1', '18446744073709551616']],
  ['an-f64', 'f64', [1.5, -0.1, 'NaN', 'Infinity'], ['1.5', null]],
  ['a-char', 'char', ['x', '🐲'], ['', 'xy', 1]],
  ['a-string', 'string', ['', 'Ä🐲'], [1, null]],
  ['bytes', 'list<u8>', ['', 'AQID'], [[1, 2], 'A', '####']],
  ['numbers', 'list<u32>', [[], [1, 2]], ['x', [-1], [1.5]]],
  ['big-numbers', 'list<s64>', [[1, '-9223372036854775808']], [['x']]],
  ['texts', 'list<string>', [[], ['a']], [[1], 'a']],
  ['maybe', 'option<string>', [null, 'a'], [1]],
  ['maybe-maybe', 'option<option<string>>', [null, { some: null }, { some: 'a' }], ['a', 1]],
  ['pair', 'tuple<string, u8>', [['a', 1]], [['a'], ['a', 256], ['a', 1, 2]]],
  ['point', 'place', [{ 'x-axis': 1, 'note-text': 'n' }, { 'x-axis': 1, 'note-text': null }], [{}, { 'x-axis': 'a' }, []]],
  ['shape', 'figure', [{ tag: 'dot' }, { tag: 'big-circle', val: 2 }], [{ tag: 'square' }, { tag: 'big-circle' }, 'dot']],
  ['colour', 'hue', ['red', 'dark-blue'], ['green', 'darkBlue', 0]],
  ['rights', 'may', [[], ['read'], ['read', 'read-write']], [['delete'], 'read']],
  ['outcome', 'tuple<result<u8, string>>', [[{ tag: 'ok', val: 1 }], [{ tag: 'err', val: 'e' }]], [[{ tag: 'ok', val: 'x' }], [1]]],
  ['empty-outcome', 'tuple<result>', [[{ tag: 'ok' }], [{ tag: 'err' }]], [['ok']]],
]; // prettier-ignore

const WIT = `package test:types;
interface echo {
  record place { x-axis: u32, note-text: option<string> }
  variant figure { dot, big-circle(u32) }
  enum hue { red, dark-blue }
  flags may { read, read-write }
${TYPES.map(([name, type]) => `  ${name}: func(v: ${type}) -> ${type};`).join('\n')}
  nothing: func();
  fails: func(v: string) -> result<string, figure>;
}
world types { export echo; export top-level: func(first-one: u8, second-one: option<string>) -> string; }
`;

const camel = (name: string): string =>
  name.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase());

const SOURCE = `
export const echo = {
${TYPES.map(([name]) => `  ${camel(name)}: (v) => v,`).join('\n')}
  nothing: () => {},
  fails: (v) => { if (v === 'bad') throw { tag: 'big-circle', val: 7 }; return v; },
};
export const topLevel = (a, b) => a + ':' + (b ?? 'none');
`;

describe('values of every WIT type', () => {
  let tool: LoadedTool;
  const definitions = new Map<string, ToolDefinition>();

  beforeAll(async () => {
    const script = new URL('../../../scripts/build-tools/qjs-runtime.mjs', import.meta.url).href;
    // The synchronous runtime, as the sample tools have it.
    const { frozenRuntime } = (await import(script)) as { frozenRuntime(): Buffer };
    const folder = mkdtempSync(join(tmpdir(), 'warder-types-'));
    try {
      writeFileSync(join(folder, 'world.wit'), WIT);
      const { component } = await componentize({
        witPath: folder,
        jsSource: SOURCE,
        runtimeBytes: frozenRuntime(),
        stubWasi: true,
      });
      tool = await loadComponent({
        engine: 'component',
        ...(await transpile(component)),
        maxMemoryBytes: 64 * 1024 ** 2,
      });
    } finally {
      rmSync(folder, { recursive: true });
    }
    const { convention, tools } = await tool.describe(fakeHost());
    expect(convention).toBe('wit');
    for (const definition of readDefinitions(tools).tools)
      definitions.set(definition.name, definition);
  });

  async function call(name: string, args: object): Promise<unknown> {
    const { bytes } = await tool.call(
      name,
      new TextEncoder().encode(JSON.stringify(args)),
      fakeHost(),
    );
    return (
      JSON.parse(new TextDecoder().decode(bytes)) as { structuredContent?: { result: unknown } }
    ).structuredContent?.result;
  }

  function accepts(name: string, args: object): boolean {
    const definition = definitions.get(name);
    if (definition === undefined) throw new Error(`no tool ${name}`);
    try {
      checkArguments(definition, args as never);
      return true;
    } catch {
      return false;
    }
  }

  for (const [name, type, good, bad] of TYPES) {
    it(`${type} goes there and back, and the schema agrees`, async () => {
      for (const v of good) {
        expect(await call(name, { v })).toEqual(v);
        expect([v, accepts(name, { v })]).toEqual([v, true]);
      }
      for (const v of bad) {
        await expect(call(name, { v })).rejects.toThrow(/must be/);
      }
    });
  }

  it('schemas refuse what the types refuse, where JSON Schema can say it', () => {
    const unsayable = new Set(['an-s64', 'a-u64', 'bytes', 'big-numbers']);
    for (const [name, , , bad] of TYPES) {
      if (unsayable.has(name)) continue;
      for (const v of bad) expect([name, v, accepts(name, { v })]).toEqual([name, v, false]);
    }
  });

  it('parameters go by name, optional ones may be left out', async () => {
    expect(await call('top-level', { 'first-one': 1 })).toBe('1:none');
    expect(await call('top-level', { 'second-one': 'b', 'first-one': 2 })).toBe('2:b');
  });

  it('a function without a result answers nothing', async () => {
    expect(await call('nothing', {})).toBeUndefined();
  });

  it('an error case fails the call with its value', async () => {
    expect(await call('fails', { v: 'good' })).toBe('good');
    await expect(call('fails', { v: 'bad' })).rejects.toThrow('{"tag":"big-circle","val":7}');
  });

  it('what the tools generate around the code is no operation', () => {
    expect([...definitions.keys()]).not.toContain('init');
  });
});

it('64-bit integers beyond 2^53 travel as decimal text', () => {
  for (const v of ['18446744073709551615', '9007199254740993']) {
    const exact = toWit({ kind: 'u64' }, v, '/v');
    expect(exact).toBe(BigInt(v));
    expect(fromWit({ kind: 'u64' }, exact)).toBe(v);
  }
  expect(fromWit({ kind: 's64' }, -5n)).toBe(-5);
});
