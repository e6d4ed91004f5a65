import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { detectJail } from '../../../src/base/process/detect-jail.ts';
import { jailCommand } from '../../../src/base/process/jail-command.ts';
import type { Jail, Jailing, JailKind } from '../../../src/base/process/jail-plan.ts';
import { quote } from '../../../src/base/process/jail-root.ts';
import { childrenOf, isRunning, seenProcess } from '../../../src/base/process/process-tree.ts';
import { parseLibraries, sharedLibraries } from '../../../src/base/process/shared-libraries.ts';
import { spawnNode } from '../../../src/base/process/spawn-node.ts';
import { workingJails } from '../../support/jails.ts';

const jails = await workingJails();

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'warder-jail-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

function file(name: string, text = ''): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

function jail(kind: JailKind, asRoot: boolean): Jail {
  const tool = (name: string): string => `/usr/bin/${name}`;
  return {
    kind,
    tools: {
      shell: tool('sh'),
      mount: tool('mount'),
      mkdir: tool('mkdir'),
      setpriv: tool('setpriv'),
      prlimit: tool('prlimit'),
      unshare: tool('unshare'),
      bwrap: tool('bwrap'),
      asRoot,
      countsPerJail: true,
    },
    layers: [],
  };
}

function plan(kind: JailKind, asRoot: boolean, more: Partial<Jailing> = {}): Jailing {
  return {
    jail: jail(kind, asRoot),
    network: 'none',
    filesystem: { kind: 'minimal', readable: [] },
    limits: {},
    ...more,
  };
}

function script(jailing: Jailing): string {
  const { args } = jailCommand(jailing, process.execPath, ['main.mjs'], file('main.mjs'));
  return args.at(-1) ?? '';
}

describe('the command', () => {
  test('root becomes nobody before anything of the jail is closed', () => {
    for (const kind of ['bubblewrap', 'unshare'] as const) {
      expect(script(plan(kind, true))).toContain(`'--reuid' '65534' '--regid' '65534'`);
      expect(script(plan(kind, false))).not.toContain('--reuid');
    }
  });

  test('the network stays only where the plan says so', () => {
    expect(script(plan('bubblewrap', true))).toContain(`'--unshare-net'`);
    expect(script(plan('bubblewrap', true, { network: 'host' }))).not.toContain('--unshare-net');
    const outer = (network: 'none' | 'host'): readonly string[] =>
      jailCommand(plan('unshare', true, { network }), process.execPath, [], file('main.mjs')).args;
    expect(outer('none')).toContain('--net');
    expect(outer('host')).not.toContain('--net');
  });

  test('bounds are set inside, and only those that are given', () => {
    const bounded = script(plan('unshare', true, { limits: { dataBytes: 7, processes: 5 } }));
    expect(bounded).toContain(`'--data=7' '--nproc=5'`);
    expect(bounded).toContain(`'--core=0'`);
    expect(script(plan('unshare', true))).not.toMatch(/--data|--nproc|--fsize|--nofile/);
  });

  test('a bound on processes that would count those of other jails is left out', () => {
    const { jail: made, ...rest } = plan('unshare', true, { limits: { processes: 5 } });
    const old = { ...made, tools: { ...made.tools, countsPerJail: false } };
    expect(script({ ...rest, jail: old })).not.toContain('--nproc');
  });

  test('words reach the shell as they are', () => {
    expect(quote(["it's", '$(id)', 'a b', '"'])).toBe(`'it'\\''s' '$(id)' 'a b' '"'`);
  });
});

describe('libraries', () => {
  test('are read from what the loader says', () => {
    const text = [
      '\tlinux-vdso.so.1 (0x00007ffd1b5c9000)',
      '\tlibm.so.6 => /lib/x86_64-linux-gnu/libm.so.6 (0x00007f62fd46b000)',
      '\tlibodd.so => /opt/with space/libodd.so (0x00007f62fd46b000)',
      '\t/lib64/ld-linux-x86-64.so.2 (0x00007f62fd759000)',
      '',
    ].join('\n');
    expect(parseLibraries(text)).toEqual([
      '/lib/x86_64-linux-gnu/libm.so.6',
      '/lib64/ld-linux-x86-64.so.2',
      '/opt/with space/libodd.so',
    ]);
  });

  test('one that is missing is told', () => {
    expect(() => parseLibraries('\tlibnone.so.1 => not found\n')).toThrow('libnone.so.1');
  });

  test('what is no program is told; a script has none', () => {
    expect(() => sharedLibraries(join(folder, 'absent'))).toThrow('cannot be told');
    expect(sharedLibraries(file('script.sh', '#!/bin/sh\n'))).toEqual([]);
  });
});

describe('processes', () => {
  test('a number that is used again is another process', () => {
    const self = seenProcess(process.pid);
    if (self === undefined) throw new Error('no /proc');
    expect(isRunning(self)).toBe(true);
    expect(isRunning({ ...self, startedAt: '1' })).toBe(false);
    expect(seenProcess(2 ** 22 + 1)).toBeUndefined();
    expect(childrenOf(process.ppid)).toContain(process.pid);
  });
});

test('a way to jail that does not work is told with its remedy, and the next is tried', async () => {
  const none = await detectJail({ kinds: [] });
  expect(none).toEqual({ jail: undefined, failed: [] });
  const broken = await detectJail({ kinds: ['unshare'], node: file('no-node') });
  expect(broken.jail).toBeUndefined();
  expect(broken.failed).toMatchObject([
    { kind: 'unshare', remedy: expect.stringContaining('sysctl') },
  ]);
});

describe.each(jails)('by $kind', (made) => {
  const run = async (jailing: Jailing, text: string): Promise<unknown> => {
    const odd = join(folder, "it's $HOME #1 odd");
    mkdirSync(odd, { recursive: true });
    const entry = join(odd, 'main.mjs');
    writeFileSync(entry, text);
    const child = spawnNode({ entry, env: { A: '1' }, jail: jailing });
    let said = '';
    for await (const part of child.stdout as AsyncIterable<Buffer>) said += part.toString();
    const exit = await child.exited;
    if (said === '') throw new Error(`${JSON.stringify(exit)} ${child.stderrTail()}`);
    return JSON.parse(said);
  };
  const of = (more: Partial<Jailing> = {}): Jailing => ({
    ...plan('unshare', true),
    jail: made,
    ...more,
  });

  test('paths with every odd character are found', async () => {
    const data = join(folder, 'da ta\t#"\\\n');
    mkdirSync(data, { recursive: true });
    writeFileSync(join(data, 'x'), 'seen');
    const text = `import { readFileSync } from 'node:fs';
      console.log(JSON.stringify([process.env.A, readFileSync(${JSON.stringify(join(data, 'x'))}, 'utf8')]));`;
    expect(await run(of({ filesystem: { kind: 'minimal', readable: [data] } }), text)).toEqual([
      '1',
      'seen',
    ]);
  });

  test('on the host’s files it keeps what is hidden from it from being seen, and its user', async () => {
    const hidden = join(folder, 'hidden');
    mkdirSync(hidden, { recursive: true });
    writeFileSync(join(hidden, 'key'), 'secret');
    const lone = file('lone', 'secret');
    const shown = file('shown', 'open');
    const text = `import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
      const tried = (work) => { try { return work(); } catch (error) { return error.code; } };
      console.log(JSON.stringify({
        hidden: tried(() => readdirSync(${JSON.stringify(hidden)})),
        lone: tried(() => readFileSync(${JSON.stringify(lone)}, 'utf8')),
        shown: tried(() => readFileSync(${JSON.stringify(shown)}, 'utf8')),
        written: tried(() => writeFileSync(${JSON.stringify(join(folder, 'made'))}, 'x')),
        kernel: tried(() => writeFileSync('/proc/sys/kernel/core_pattern', 'x')),
        devices: readdirSync('/dev'),
        processes: readdirSync('/proc').filter((name) => /^[0-9]+$/.test(name)).length,
        descriptors: tried(() => readdirSync('/proc/self/fd').length > 0),
        init: tried(() => readdirSync('/proc/1/root')),
        capabilities: /^CapEff:\\s*(.*)$/m.exec(readFileSync('/proc/self/status', 'utf8'))[1],
      }));`;
    const host = { kind: 'host', hidden: [hidden, lone] } as const;
    expect(await run(of({ filesystem: host }), text)).toEqual({
      hidden: [],
      lone: '',
      shown: 'open',
      kernel: expect.stringMatching(/^(EROFS|EACCES)$/),
      devices: ['null', 'urandom'],
      processes: expect.toSatisfy((count: number) => count < 5),
      descriptors: true,
      init: 'EACCES',
      capabilities: made.tools.asRoot ? '000000000000001f' : '0000000000000000',
    });
  });

  test('how it ended is told as if there were no jail', async () => {
    const entry = file(
      'end.mjs',
      `process.argv[2] === 'abort' ? process.abort() : process.exit(7);`,
    );
    const end = (how: string) => spawnNode({ entry, args: [how], env: {}, jail: of() }).exited;
    expect(await end('exit')).toEqual({ code: 7, signal: null });
    expect(await end('abort')).toEqual({ code: null, signal: 'SIGABRT' });
  });

  test('a kill before anything runs leaves nothing', async () => {
    const entry = file('stay.mjs', 'setInterval(() => {}, 1000);');
    for (let delay = 0; delay < 12; delay += 1) {
      const child = spawnNode({ entry, env: {}, jail: of() });
      await new Promise((resolve) => setTimeout(resolve, delay));
      expect((await child.kill()).signal).toBe('SIGKILL');
    }
  });

  test('when someone else kills the outermost process the rest is gone before that is told', async () => {
    const entry = file('up.mjs', 'console.log(1); setInterval(() => {}, 1000);');
    const before = new Set(childrenOf(process.pid));
    const child = spawnNode({ entry, env: {}, jail: of() });
    // Its own number may be that of a process inside already.
    const outermost = childrenOf(process.pid).find((pid) => !before.has(pid));
    await new Promise((resolve) => child.stdout.once('data', resolve));
    const inner = seenProcess(child.pid);
    if (inner === undefined || outermost === undefined) throw new Error('it does not run');
    expect(inner.pid).not.toBe(outermost);
    process.kill(outermost, 'SIGKILL');
    await child.exited;
    expect(isRunning(inner)).toBe(false);
  });
});
