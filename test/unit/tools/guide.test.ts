// The examples of docs/tool-authors.md compile as written and do what the text says.

import { spawnSync } from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openComponent } from './component.ts';
import { openPluginFile } from './plugin.ts';

const guide = readFileSync('docs/tool-authors.md', 'utf8');

/** The code block after an example's mark. */
function example(name: string): string {
  const found = new RegExp(`<!-- example: ${name} -->\\n\\n\`\`\`\\w+\\n(.*?)\`\`\``, 's').exec(
    guide,
  );
  return found?.[1] ?? '';
}

/** The first line of the guide's commands that begins so. */
function command(start: string): string[] {
  const line = guide.split('\n').find((one) => one.startsWith(start)) ?? '';
  return line.split(/\s+/).filter((word) => word !== 'npx');
}

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'guide-'));
  cpSync('wit/sdk', join(folder, 'sdk'), { recursive: true });
  symlinkSync(resolve('node_modules'), join(folder, 'node_modules'));
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

function run([program = '', ...args]: string[]): string {
  const path = `${join(folder, 'node_modules/.bin')}:${process.env['PATH'] ?? ''}`;
  const ran = spawnSync(program, args, { cwd: folder, encoding: 'utf8', env: { PATH: path } });
  return ran.error?.message ?? (ran.status === 0 ? '' : `${ran.stdout}${ran.stderr}`);
}

test('the AssemblyScript example', async () => {
  writeFileSync(join(folder, 'shout.ts'), example('assemblyscript'));
  expect(run(command('npx asc'))).toBe('');
  const tool = await openPluginFile(join(folder, 'shout.wasm'));
  expect(await tool.describe()).toMatchObject([{ name: 'shout' }]);
  const { content } = await tool.call('shout', { text: 'hello é' });
  expect(content).toEqual([{ type: 'text', text: 'HELLO é!' }]);
});

test('the TypeScript example', { timeout: 60_000 }, async () => {
  writeFileSync(join(folder, 'add.ts'), example('typescript'));
  mkdirSync(join(folder, 'world/deps'), { recursive: true });
  cpSync('wit', join(folder, 'world/deps/warder-tool'), { recursive: true });
  const world = /```wit\n(.*?)```/s.exec(guide)?.[1] ?? '';
  writeFileSync(join(folder, 'world/world.wit'), world);
  expect(run(command('npx esbuild'))).toBe('');
  expect(run(command('npx componentize-qjs'))).toBe('');
  const { operations, imports } = await openComponent(join(folder, 'add.wasm'));
  expect(imports).toEqual([]);
  expect(operations.call('add', '{"a":2,"b":40}')).toMatchObject({
    content: [{ tag: 'text', val: '42' }],
    structured: '{"sum":42}',
  });
  expect(operations.call('add', '{"a":1e308,"b":1e308}').isError).toBe(true);
});

test('the C example, where the compiler is', async () => {
  writeFileSync(join(folder, 'length.c'), example('c'));
  const said = run(command('clang --target'));
  if (/ENOENT|file not found|unable to find/.test(said)) {
    process.stderr.write('NOT TRIED: no clang for WASI, the C example was not compiled\n');
    expect(guide).toContain('apt-get install clang lld wasi-libc libclang-rt-14-dev-wasm32');
    return;
  }
  expect(said).toBe('');
  const tool = await openPluginFile(join(folder, 'length.wasm'), {}, {});
  const { content } = await tool.call('length', { text: 'é!' });
  expect(content).toEqual([{ type: 'text', text: '3' }]);
});

test('the guide points at files that exist', () => {
  for (const page of ['docs/tool-authors.md', 'docs/tool-contract.md']) {
    for (const [, target = ''] of readFileSync(page, 'utf8').matchAll(/\]\((?!https?:)([^)#]+)/g)) {
      expect(() => readFileSync(join('docs', target)), target).not.toThrow('ENOENT');
    }
  }
});
