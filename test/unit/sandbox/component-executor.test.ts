// Components in real executor processes: admitted, transpiled, described, called under a permit.
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { JsonObject } from '../../../src/base/encoding/json.ts';
import type { Package } from '../../../src/run/sandbox/executor/engine.ts';
import { prepareInstallation } from '../../../src/catalog/prepare.ts';
import { emptyGrant } from '../../../src/catalog/grant.ts';
import { transpile } from '../../../src/run/sandbox/transpile/transpile.ts';
import type { RunOutcome } from '../../../src/run/sandbox/runner.ts';
import {
  createTestSandbox,
  defaultLimits,
  fixture,
  permitFor,
  toolCall,
  type TestSandbox,
} from '../../support/sandbox.ts';

const packages = new Map<string, Promise<Package>>();

function prepared(wasm: Uint8Array): Promise<Package> {
  const digest = createHash('sha256').update(wasm).digest('hex');
  const made =
    packages.get(digest) ??
    transpile(wasm).then((component): Package => ({
      engine: 'component',
      ...component,
      maxMemoryBytes: 0,
    }));
  packages.set(digest, made);
  return made;
}

describe('components in executor processes', () => {
  let host: TestSandbox;
  const probe = fixture('probe-component');
  const digest = createHash('sha256').update(probe).digest('hex');

  beforeAll(async () => {
    host = await createTestSandbox({
      packages: {
        load: (wanted) => packages.get(wanted) ?? Promise.reject(new Error('not installed')),
        prepare: prepared,
      },
      serve: (_permit, request) =>
        request.op === 'kv-get'
          ? {
              ok: true,
              value: { found: true },
              bytes: new TextEncoder().encode(`value of ${request.key}`),
            }
          : { ok: false, code: 'denied', message: 'not granted' },
    });
    await prepared(probe);
  });
  afterAll(() => host.sandbox.close());

  function run(args: JsonObject, limits: Partial<typeof defaultLimits> = {}): Promise<RunOutcome> {
    const call = toolCall('probe', args);
    const terms = { limits: { ...defaultLimits, ...limits }, env: { A: '1' }, config: { k: 'v' } };
    return host.sandbox.run(permitFor(call, digest, terms), call);
  }

  async function answer(args: JsonObject): Promise<unknown> {
    const outcome = await run(args);
    return outcome.kind === 'answered' ? outcome.answer.structuredContent : outcome;
  }

  it('a package becomes an installation', async () => {
    const { installation, warnings } = await prepareInstallation(probe, host.sandbox, {
      id: 'inst_1',
      name: 'probe',
      grant: { ...emptyGrant, unsafeNoJail: true },
      now: 1,
    });
    expect(installation).toMatchObject({
      engine: 'component',
      convention: 'warder',
      digest,
      tools: [{ name: 'probe' }],
    });
    expect(warnings).toEqual([]);
    const typed = await prepareInstallation(fixture('typed'), host.sandbox, {
      id: 'inst_2',
      name: 'typed',
      grant: { ...emptyGrant, unsafeNoJail: true },
      now: 1,
    });
    expect(typed.installation).toMatchObject({
      convention: 'wit',
      tools: [{ name: 'add' }, { name: 'greet' }],
    });
  });

  it('calls reach the host and come back', async () => {
    expect(await answer({ action: 'kv-get', key: 'k' })).toEqual({ value: 'value of k' });
    expect(await answer({ action: 'config', key: 'k' })).toEqual({ value: 'v' });
    expect(await answer({ action: 'environment' })).toMatchObject({ environment: [['A', '1']] });
    expect(await answer({ action: 'http', url: 'https://a.example/' })).toMatchObject({
      error: { val: { tag: 'HTTP-request-denied' } },
    });
  });

  it('each runaway ends by its limit and the next call works', async () => {
    const spun = await run({ action: 'spin' }, { timeoutMs: 300 });
    expect(spun).toMatchObject({ kind: 'limit', limit: 'deadline' });
    expect(await answer({ action: 'config', key: 'k' })).toEqual({ value: 'v' });
    const flooded = await run({ action: 'flood' }, { hostCalls: 20 });
    expect(flooded).toMatchObject({ kind: 'limit', limit: 'host-calls' });
    expect(await answer({ action: 'config', key: 'k' })).toEqual({ value: 'v' });
    const exited = await run({ action: 'exit' });
    expect(exited).toMatchObject({ kind: 'failed', reason: 'the tool called exit(1)' });
    const trapped = await run({ action: 'trap' });
    expect(trapped.kind).toBe('failed');
    expect(await answer({ action: 'config', key: 'k' })).toEqual({ value: 'v' });
  });

  it('a guest that grows gets no more than its limit', async () => {
    const grown = await run({ action: 'grow' }, { memoryBytes: 16 * 1024 * 1024 });
    expect(grown.usage.peakMemoryBytes).toBeLessThanOrEqual(16 * 1024 * 1024);
    expect(grown.usage.peakMemoryBytes).toBeGreaterThan(8 * 1024 * 1024);
  });

  it('peak memory of a call is its own', async () => {
    await run({ action: 'grow' });
    const small = await run({ action: 'config', key: 'k' });
    expect(small.usage.peakMemoryBytes).toBeLessThan(4 * 1024 * 1024);
  });
});
