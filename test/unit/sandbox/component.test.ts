// The component engine, with a component that calls what it is told (test/fixtures/wasm/probe).
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { admit } from '../../../src/catalog/admit.ts';
import { evaluateGlue } from '../../../src/run/sandbox/executor/component/glue.ts';
import { loadComponent } from '../../../src/run/sandbox/executor/component/load.ts';
import { GuestFailure, type LoadedTool } from '../../../src/run/sandbox/executor/engine.ts';
import type { HostReply } from '../../../src/run/sandbox/host-calls.ts';
import type { TranspiledComponent } from '../../../src/run/sandbox/transpile/bundle.ts';
import { transpile } from '../../../src/run/sandbox/transpile/transpile.ts';
import { fakeHost, type FakeHost } from './host-fake.ts';

const fixtures = join(import.meta.dirname, '../../fixtures/wasm');
const MiB = 1024 ** 2;

function load(component: TranspiledComponent, maxMemoryBytes = 64 * MiB): Promise<LoadedTool> {
  return loadComponent({ engine: 'component', ...component, maxMemoryBytes });
}

interface Answer {
  readonly content: readonly { readonly text?: string }[];
  readonly structuredContent?: Record<string, unknown>;
  readonly isError: boolean;
}

async function call(
  tool: LoadedTool,
  name: string,
  args: object,
  host: FakeHost = fakeHost(),
): Promise<Answer> {
  const { bytes } = await tool.call(name, new TextEncoder().encode(JSON.stringify(args)), host);
  return JSON.parse(new TextDecoder().decode(bytes)) as Answer;
}

describe('a component of warder’s own world', () => {
  let component: TranspiledComponent;
  let tool: LoadedTool;
  beforeAll(async () => {
    component = await transpile(readFileSync(join(fixtures, 'probe-component.wasm')));
    tool = await load(component);
  });

  const probe = async (args: object, host = fakeHost()): Promise<Record<string, unknown>> =>
    (await call(tool, 'probe', args, host)).structuredContent ?? {};

  it('describes itself', async () => {
    const { convention, tools } = await tool.describe(fakeHost());
    expect(convention).toBe('warder');
    expect(tools).toMatchObject([
      { name: 'probe', inputSchema: { type: 'object' }, annotations: { destructiveHint: true } },
    ]);
  });

  it('reaches the host’s interfaces', async () => {
    const host = fakeHost();
    expect(await probe({ action: 'kv-set', key: 'k', value: 'v' }, host)).toEqual({});
    expect(await probe({ action: 'kv-get', key: 'k' }, host)).toEqual({ value: 'v' });
    expect(await probe({ action: 'kv-get', key: 'none' }, host)).toEqual({ value: null });
    expect(await probe({ action: 'kv-list', prefix: '' }, host)).toEqual({ keys: ['k'] });
    expect(await probe({ action: 'kv-delete', key: 'k' }, host)).toEqual({ deleted: true });
    expect(await probe({ action: 'file-roots' })).toEqual({ roots: ['/data'] });
    expect(await probe({ action: 'file-stat', path: '/data/a' })).toEqual({
      kind: 'file',
      size: 5,
      modified: 1_700_000_000_000,
    });
    expect(await probe({ action: 'file-list', path: '/data' })).toEqual({
      entries: [{ name: 'a.txt', kind: 'file' }],
    });
    expect(await probe({ action: 'file-read', path: '/data/a', offset: 1 })).toEqual({
      text: 'ello',
    });
    expect(await probe({ action: 'config', key: 'unit' })).toEqual({ value: 'm' });
    expect(await probe({ action: 'config', key: 'constructor' })).toEqual({ value: null });
  });

  it('hears a refusal as its own error', async () => {
    expect(await probe({ action: 'file-write', path: '/data/x', data: 'x' })).toEqual({
      error: { code: 'denied', message: 'no write grant' },
    });
  });

  it('sees the granted environment and directories, and no arguments but a name', async () => {
    expect(await probe({ action: 'environment' })).toEqual({
      environment: [['GREETING', 'hello']],
      arguments: ['tool'],
      directories: 1,
    });
  });

  it('has clocks and random numbers that differ between calls', async () => {
    const now = await probe({ action: 'now' });
    expect(Math.abs(Number(now['wall']) * 1000 - Date.now())).toBeLessThan(5000);
    expect(await probe({ action: 'random' })).not.toEqual(await probe({ action: 'random' }));
  });

  it('prints into the log, line by line', async () => {
    const host = fakeHost();
    await probe({ action: 'print', line: 'one\ntwo' }, host);
    await probe({ action: 'log', level: 'error', message: 'three' }, host);
    expect(host.lines).toEqual([
      ['info', 'one'],
      ['warn', 'one'],
      ['info', 'two'],
      ['warn', 'two'],
      ['error', 'three'],
    ]);
  });

  it('sends HTTP requests through the host', async () => {
    const host = fakeHost();
    const answer = await probe(
      {
        action: 'http',
        method: 'POST',
        url: 'https://a.example/x?y=1',
        headers: { 'x-a': 'b' },
        body: 'hi',
      },
      host,
    );
    expect(answer).toEqual({
      status: 201,
      headers: [['content-type', 'text/plain']],
      body: 'POST https://a.example/x?y=1 hi',
    });
    expect(host.requests[0]).toMatchObject({ op: 'http', headers: [['x-a', 'b']] });
  });

  it('cannot smuggle a line end or a user name into a request', async () => {
    const host = fakeHost();
    for (const request of [
      { url: 'https://a.example/', headers: { 'x-a': 'b\r\nhost: evil.example' } },
      { url: 'https://a.example/', headers: { 'x a': 'b' } },
      { url: 'https://user@evil.example/' },
    ]) {
      expect(await probe({ action: 'http', ...request }, host)).toHaveProperty('error');
    }
    expect(host.requests).toEqual([]);
  });

  const refusals: readonly (readonly [HostReply & { ok: false }, string])[] = [
    [{ ok: false, code: 'denied', message: 'no' }, 'HTTP-request-denied'],
    [{ ok: false, code: 'limit', message: 'no' }, 'HTTP-response-body-size'],
    [{ ok: false, code: 'invalid', message: 'no' }, 'HTTP-request-URI-invalid'],
    [{ ok: false, code: 'failed', message: 'no' }, 'internal-error'],
    [{ ok: false, code: 'not-found', message: 'no' }, 'destination-not-found'],
  ];
  for (const [reply, tag] of refusals) {
    it(`hears \`${reply.code}\` from egress as ${tag}`, async () => {
      const host = fakeHost({ 'http-open': reply });
      const answer = await probe({ action: 'http', url: 'https://a.example/' }, host);
      expect(answer).toMatchObject({ error: { val: { tag } } });
    });
  }

  it('every call has a fresh instance', async () => {
    expect(await probe({ action: 'kv-get', key: 'k' })).toEqual({ value: null });
    const first = await tool.call(
      'probe',
      new TextEncoder().encode('{"action":"random"}'),
      fakeHost(),
    );
    await tool.call('probe', new TextEncoder().encode('{"action":"grow"}'), fakeHost());
    const second = await tool.call(
      'probe',
      new TextEncoder().encode('{"action":"random"}'),
      fakeHost(),
    );
    expect(second.peakMemoryBytes).toBe(first.peakMemoryBytes);
  });

  it('cannot grow beyond its limit', async () => {
    for (const limit of [8 * MiB, 32 * MiB]) {
      const small = await load(component, limit);
      const bytes = new TextEncoder().encode('{"action":"grow"}');
      const { peakMemoryBytes } = await small.call('probe', bytes, fakeHost());
      expect(peakMemoryBytes).toBeLessThanOrEqual(limit);
      expect(peakMemoryBytes).toBeGreaterThan(limit / 2);
    }
    await expect(load(component, MiB)).rejects.toThrow(/starts with more memory/);
  });

  it('ends only the call when it exits, traps or reports an error', async () => {
    await expect(call(tool, 'probe', { action: 'exit' })).rejects.toThrow(
      'the tool called exit(1)',
    );
    await expect(call(tool, 'probe', { action: 'trap' })).rejects.toThrow(/trap: /);
    await expect(call(tool, 'probe', { action: 'err' })).rejects.toThrow(
      'the tool could not do it',
    );
    await expect(call(tool, 'other', {})).rejects.toThrow('no tool other');
    expect(await probe({ action: 'config', key: 'unit' })).toEqual({ value: 'm' });
  });
});

describe('a bare component', () => {
  it('is called by the types of its functions', async () => {
    const tool = await load(await transpile(readFileSync(join(fixtures, 'typed.wasm'))));
    expect(await tool.describe(fakeHost())).toMatchObject({
      convention: 'wit',
      tools: [{ name: 'add' }, { name: 'greet', inputSchema: { required: ['name'] } }],
    });
    expect(await call(tool, 'add', { a: 2, b: -3 })).toEqual({
      content: [{ type: 'text', text: '-1' }],
      structuredContent: { result: -1 },
      isError: false,
    });
    expect((await call(tool, 'greet', { name: 'Ä🐲' })).structuredContent).toEqual({
      result: 'hello, Ä🐲',
    });
    await expect(call(tool, 'add', { a: 2 ** 31, b: 0 })).rejects.toThrow(
      '`/a` must be an integer (s32)',
    );
    await expect(call(tool, 'constructor', {})).rejects.toBeInstanceOf(GuestFailure);
  });
});

describe('a component that imports sockets', () => {
  it('is admitted, and has none: access-denied for a socket and for a name', async () => {
    const bytes = readFileSync(join(fixtures, 'component-sockets.wasm'));
    expect(admit(bytes).imports).toContain('wasi:sockets/tcp-create-socket@0.2.0');
    const tool = await load(await transpile(bytes));
    const host = fakeHost();
    // The second case of the error code, twice.
    expect((await call(tool, 'try', {}, host)).structuredContent).toEqual({ result: 101 });
    expect(host.requests).toEqual([]);
  });
});

describe('code that is no glue', () => {
  it('is refused', async () => {
    const package_ = { glue: 'export const x = 1;', cores: new Map(), shape: '{}' };
    await expect(load(package_)).rejects.toThrow('no entry');
    await expect(load({ ...package_, glue: 'syntax error here' })).rejects.toThrow(
      'cannot be loaded',
    );
  });
});

describe('the generated code', () => {
  it('has nothing to catch when it asks for a promising function', async () => {
    const asks = 'const own = () => 1; export const instantiate = () => ({ own, WebAssembly,';
    const glue = await evaluateGlue(`${asks} given: WebAssembly.promising(own) });`);
    const { own, given, WebAssembly } = glue(
      () => never(),
      {},
      () => never(),
    );
    expect(given).toBe(own);
    expect(WebAssembly).toHaveProperty('Module');
  });
});

function never(): never {
  throw new Error('not asked for');
}
