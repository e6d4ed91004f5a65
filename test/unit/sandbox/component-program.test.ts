// A program as a component: the fixture of preview 1 behind the adapter that compilers for WASI 0.2 put
// there. The files, streams and exits of preview 2, as real programs use them.

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { componentNew } from '@bytecodealliance/jco';
import { beforeAll, describe, expect, test } from 'vitest';
import { admit } from '../../../src/catalog/admit.ts';
import { loadComponent } from '../../../src/run/sandbox/executor/component/load.ts';
import type { GuestHost, LoadedTool } from '../../../src/run/sandbox/executor/engine.ts';
import { transpile } from '../../../src/run/sandbox/transpile/transpile.ts';
import { FileHost } from '../../fakes/file-host.ts';
import { fixture } from '../../support/sandbox.ts';

const ADAPTER = new URL(
  '../lib/wasi_snapshot_preview1.command.wasm',
  import.meta.resolve('@bytecodealliance/jco'),
);

let component: Uint8Array;
let tool: LoadedTool;
beforeAll(async () => {
  const adapter = readFileSync(fileURLToPath(ADAPTER));
  component = await componentNew(fixture('program'), [['wasi_snapshot_preview1', adapter]]);
  const transpiled = await transpile(component);
  tool = await loadComponent({
    engine: 'component',
    ...transpiled,
    maxMemoryBytes: 64 * 1024 ** 2,
  });
});

interface Answer {
  readonly content: readonly { readonly text: string }[];
  readonly structuredContent: {
    readonly exitCode: number;
    readonly stdout: string;
    readonly stderr: string;
  };
  readonly isError: boolean;
}

interface Disk {
  readonly files: FileHost;
  readonly logged: string[];
  readonly host: GuestHost;
}

function disk(outputBytes = 4096): Disk {
  const files = new FileHost();
  files.put('/out/there', 'what was there');
  const logged: string[] = [];
  const host: GuestHost = {
    env: { LANG: 'C' },
    config: {},
    // The program takes the first preopened directory.
    roots: ['/out'],
    writable: ['/out'],
    outputBytes,
    request: (request) => files.serve(request),
    log: (_level, message) => void logged.push(message),
  };
  return { files, logged, host };
}

async function run(args: readonly string[], on: Disk = disk(), stdin?: string): Promise<Answer> {
  const given = JSON.stringify({ args, ...(stdin === undefined ? {} : { stdin }) });
  const { bytes } = await tool.call('run', new TextEncoder().encode(given), on.host);
  return JSON.parse(new TextDecoder().decode(bytes)) as Answer;
}

describe('a component that exports wasi:cli/run', () => {
  test('is admitted, and is one operation', async () => {
    expect(() => admit(component)).not.toThrow();
    expect(await tool.describe(disk().host)).toMatchObject({
      convention: 'command',
      tools: [{ name: 'run', inputSchema: { properties: { args: {}, stdin: {} } } }],
    });
  });

  test('reads arguments and input, and answers what it printed', async () => {
    const answer = await run(['echo', 'a', 'ä b'], disk(), 'and this');
    expect(answer.isError).toBe(false);
    const stdout = 'a\nä b\nand this';
    expect(answer.structuredContent).toEqual({ exitCode: 0, stdout, stderr: '' });
    expect(answer.content).toEqual([{ type: 'text', text: stdout }]);
  });

  test('sees the granted environment and nothing of the process it runs in', async () => {
    const { structuredContent } = await run(['environment']);
    expect(structuredContent.stdout.trim()).toBe('LANG=C');
  });

  test('a bad exit is an answer with isError', async () => {
    const answer = await run(['exit', '3']);
    expect(answer.isError).toBe(true);
    // WASI 0.2 has no more than good and bad.
    expect(answer.structuredContent.exitCode).toBe(1);
    expect((await run(['exit', '0'])).isError).toBe(false);
  });

  test('a trap fails the call, and its last words are in the log', async () => {
    const on = disk();
    await expect(run(['trap'], on)).rejects.toThrow(/trap: /);
    expect(on.logged.join('\n')).not.toBe('');
    await expect(run(['echo', 'again'])).resolves.toMatchObject({ isError: false });
  });

  test('who prints without end is ended', async () => {
    await expect(run(['flood'], disk(100_000))).rejects.toThrow(/more than 100000 bytes/);
  });

  test('reads and writes files; what it leaves open at a good end is put in place', async () => {
    const on = disk();
    expect((await run(['read', 'there'], on)).structuredContent.stdout).toContain('what was there');
    expect((await run(['write', 'new', 'fresh'], on)).isError).toBe(false);
    expect(on.files.text('/out/new')).toBe('fresh');
    expect((await run(['leave', 'left', 'open'], on)).isError).toBe(false);
    expect(on.files.text('/out/left')).toBe('open');
    expect(on.files.openHandles).toBe(0);
  });

  test('what it leaves open when it traps is not closed: the host discards it', async () => {
    const on = disk();
    await expect(run(['leave-trap', 'lost', 'half'], on)).rejects.toThrow(/trap/);
    expect(on.files.count('file-close')).toBe(0);
    expect(on.files.openHandles).toBe(1);
  });

  test('plants no link', async () => {
    const on = disk();
    for (const planted of [
      ['symlink', '/etc/passwd', 'link'],
      ['link', 'there', 'link'],
    ]) {
      const { structuredContent } = await run(planted, on);
      expect(structuredContent.stdout.trim()).not.toBe('0');
    }
    expect(on.files.text('/out/link')).toBeUndefined();
  });

  test('changes the tree', async () => {
    const on = disk();
    expect((await run(['directory', 'made'], on)).structuredContent.stdout.trim()).toBe('0');
    expect((await run(['rename', 'there', 'made/moved'], on)).structuredContent.stdout.trim()).toBe(
      '0',
    );
    expect(on.files.text('/out/made/moved')).toBe('what was there');
  });
});
