// After a secret was set, sent, echoed, rotated and removed with the whole command, no file of the home,
// no output, no process and no receipt holds it in any spelling; and the ways to get it wrong say nothing.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { commandLine, environmentOf } from '../../support/processes.ts';
import { type SecretHome, secretHome } from '../../support/secret-home.ts';
import { type Finished, warderMain } from '../../support/warder.ts';

// Commands and restarts of a daemon, on a busy machine.
vi.setConfig({ testTimeout: 120_000 });

const FIRST = 'sk-4f9Qx7Lm2Zt8Rb1Vn6Kc3Wd';
const SECOND = 'sk-rotated-Pq5Xs2Jy7Wd9Gh4';

let opened: SecretHome;
const said: string[] = [];

beforeAll(async () => {
  opened = await secretHome({ credential: true, answer: (_, field) => `you sent ${field}` });
});

afterAll(() => opened[Symbol.asyncDispose]());

async function run(args: readonly string[], input?: string): Promise<Finished> {
  const done = await opened.home.run(args, input === undefined ? {} : { input });
  said.push(done.stdout, done.stderr);
  return done;
}

/** What a secret looks like wherever bytes are kept as they are, or as text formats write them. */
function spellings(secret: string): readonly Buffer[] {
  const bytes = Buffer.from(secret);
  const base64 = [0, 1, 2].map((offset) =>
    Buffer.concat([Buffer.alloc(offset), bytes])
      .toString('base64')
      .slice(4, 32),
  );
  const utf16 = Buffer.from(secret, 'utf16le');
  return [bytes, utf16, ...[bytes.toString('hex'), ...base64].map((text) => Buffer.from(text))];
}

/** What is there the whole time: the daemon replaces tiles and checkpoints while this looks. */
function filesBelow(folder: string): Map<string, Buffer> {
  const found = new Map<string, Buffer>();
  for (const entry of whileThere(() => readdirSync(folder, { withFileTypes: true })) ?? []) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) for (const [below, bytes] of filesBelow(path)) found.set(below, bytes);
    const content = entry.isFile() ? whileThere(() => readFileSync(path)) : undefined;
    if (content !== undefined) found.set(path, content);
  }
  return found;
}

function whileThere<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

function holders(secret: string): string[] {
  const files = filesBelow(opened.home.root);
  expect([...files.keys()].some((path) => path.endsWith('state.db'))).toBe(true);
  return [...files]
    .filter(([, content]) => spellings(secret).some((spelling) => content.includes(spelling)))
    .map(([path]) => path);
}

test('the whole life of a secret', async () => {
  const { addTool, arrived, home } = opened;
  const granted = await addTool('/v1/page');
  expect(JSON.stringify(granted['warnings'])).toContain('there is no secret `API_KEY` yet');
  expect(JSON.stringify(granted['warnings'])).toContain('echoes what it is sent');

  const early = await run(['call', 'http-once']);
  expect(arrived).toEqual([]);
  expect(early.code).not.toBe(1);

  expect((await run(['secret', 'set', 'API_KEY'], `${FIRST}\n`)).code).toBe(0);
  expect((await run(['--json', 'call', 'http-once'])).stdout).toContain('you sent Bearer ***');
  expect((await run(['secret', 'set', 'API_KEY'], SECOND)).code).toBe(2);
  expect((await run(['secret', 'rotate', 'API_KEY'], SECOND)).code).toBe(0);
  expect((await run(['--json', 'call', 'http-once'])).stdout).toContain('you sent Bearer ***');
  expect(arrived.map(({ authorization }) => authorization)).toEqual([
    `Bearer ${FIRST}`,
    `Bearer ${SECOND}`,
  ]);
  // An origin that echoes is the operator's risk: the tool itself gave nothing out.
  expect((await run(['tool', 'list'])).stdout).toContain('enabled');

  const list = await run(['secret', 'list']);
  expect(list.stdout).toMatch(/API_KEY +2 +\S+ +2 /);
  for (const args of [
    ['receipts', 'list', '--json'],
    ['receipts', 'export'],
    ['tool', 'show', 'http-once', '--json'],
    ['lease', 'describe'],
    ['doctor'],
    ['status', '--json'],
  ]) {
    await run(args);
  }

  const { pid } = await home.ok<{ pid: number }>(['status']);
  for (const secret of [FIRST, SECOND]) {
    expect(JSON.stringify(environmentOf(pid))).not.toContain(secret);
    expect(commandLine(pid).join(' ')).not.toContain(secret);
    expect(holders(secret)).toEqual([]);
    for (const spelling of spellings(secret)) {
      expect(said.join('\n')).not.toContain(spelling.toString('latin1'));
    }
  }
  expect((await run(['secret', 'remove', 'API_KEY'])).code).toBe(0);
  expect(await home.ok(['secret', 'list'])).toEqual([]);
  const late = await run(['call', 'http-once']);
  expect(late.stdout + late.stderr).not.toContain(SECOND);
  expect(arrived).toHaveLength(2);
});

test('control: the search finds what is there', async () => {
  await opened.home.ok(['tool', 'grant', 'http-once', '--config', `note=${FIRST}`]);
  expect(holders(FIRST).some((path) => path.includes('state.db'))).toBe(true);
  await opened.home.ok(['tool', 'grant', 'http-once', '--remove', '--config', 'note=']);
});

describe('wrong ways', () => {
  test.each<[string, readonly string[], string, string]>([
    ['too short', ['secret', 'set', 'SHORT'], 'hunter2-hunter', 'too short'],
    ['two lines', ['secret', 'set', 'LINES'], `${SECOND}\nX-Admin: 1\n`, 'line break'],
    ['empty', ['secret', 'set', 'EMPTY'], '\n', 'empty'],
    ['no name', ['secret', 'set', 'a b'], SECOND, 'name'],
    ['the value for a name', ['secret', 'set', `${SECOND}/+=`], SECOND, 'name'],
    ['none to rotate', ['secret', 'rotate', 'NONE'], SECOND, 'NONE'],
    ['far too long', ['secret', 'set', 'LONG'], 'abcdefg'.repeat(20_000), 'too much'],
  ])('%s', async (_, args, input, why) => {
    const done = await opened.home.run(['--json', ...args], { input });
    expect(done.code).toBe(2);
    const { error } = done.json<{ error: { message: string; hint: string } }>();
    expect(error.message).toContain(why);
    expect(error.hint).not.toBe('');
    expect(done.stdout + done.stderr).not.toContain(input.trim() || 'x'.repeat(99));
  });

  test('a value as an argument is no way to set it', async () => {
    const done = await opened.home.run(['--json', 'secret', 'set', 'API_KEY', SECOND]);
    expect(done.code).toBe(2);
    expect(done.json<{ error: { code: string } }>().error.code).toBe('usage');
  });
});

describe('on a terminal', () => {
  /** Types `keys` once the prompt is there; what the terminal showed, and the exit code. */
  async function typed(keys: string): Promise<{ shown: string; code: number }> {
    const words = [
      process.execPath,
      warderMain,
      '--home',
      opened.home.root,
      'secret',
      'set',
      'TYPED',
    ];
    const child = spawn('script', ['-qec', words.join(' '), '/dev/null'], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    let shown = '';
    child.stdout.on('data', (part: Buffer) => {
      const asked = shown.includes('shown): ');
      shown += part.toString();
      if (!asked && shown.includes('shown): ')) child.stdin.write(keys);
    });
    const [code] = (await once(child, 'close')) as [number];
    child.stdin.end();
    return { shown, code };
  }

  test('given up: nothing is set', async () => {
    const { shown, code } = await typed(`${SECOND}\x03`);
    expect(code).toBe(2);
    expect(shown).toContain('no value was given');
    expect(shown).not.toContain(SECOND);
  });

  test('the value is asked for and not shown', async () => {
    const { shown, code } = await typed(`${SECOND}\r`);
    expect(shown).toContain('value of TYPED (not shown):');
    expect(shown).toContain('set TYPED (version 1)');
    expect(shown).not.toContain(SECOND);
    expect(code).toBe(0);
  });
});
