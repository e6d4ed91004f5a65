// The sample tools in warder's own executor, over real directories and the real file rules.

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { JsonObject } from '../../../src/base/encoding/json.ts';
import type { PermitTerms } from '../../../src/decide/policy/permit.ts';
import type { Package } from '../../../src/run/sandbox/executor/engine.ts';
import type { HostReply } from '../../../src/run/sandbox/host-calls.ts';
import type { ToolAnswer } from '../../../src/run/sandbox/runner.ts';
import { transpile } from '../../../src/run/sandbox/transpile/transpile.ts';
import { testFiles } from '../../support/files.ts';
import {
  createTestSandbox,
  defaultLimits,
  type Serve,
  type TestSandbox,
} from '../../support/sandbox.ts';

const store = new Map<string, Uint8Array>();
const files = await testFiles();

const serve: Serve = async (permit, request): Promise<HostReply> => {
  switch (request.op) {
    case 'kv-get': {
      const bytes = store.get(request.key);
      return { ok: true, value: { found: bytes !== undefined }, ...(bytes && { bytes }) };
    }
    case 'kv-set':
      store.set(request.key, Uint8Array.from(request.value));
      return { ok: true, value: {} };
    case 'kv-delete':
      return { ok: true, value: { deleted: store.delete(request.key) } };
    case 'kv-list':
      return { ok: true, value: { keys: [...store.keys()].sort() } };
    case 'http-open':
      if (request.url !== 'http://docs.test/page') return DENIED;
      return { ok: true, value: { exchange: 1 } };
    case 'http-finish':
      return { ok: true, value: { status: 200, headers: [['content-type', 'text/html']] } };
    case 'http-read':
      return { ok: true, value: { end: true }, bytes: PAGE };
    case 'http':
    case 'http-write':
    case 'http-close':
      return DENIED;
    default:
      return (await files.ask(permit, request)).reply;
  }
};

const DENIED = { ok: false, code: 'denied', message: 'not granted' } as const;
const PAGE = readFileSync('test/data/pages/messy.html');

function artifact(name: string): Uint8Array {
  return new Uint8Array(readFileSync(`tools/${name}/${name}.wasm`));
}

let box: TestSandbox;
beforeAll(async () => {
  const packages = new Map<string, Package>();
  const maxMemoryBytes = defaultLimits.memoryBytes;
  for (const name of ['text', 'file-search', 'notes', 'checksum', 'data-query', 'fetch-extract']) {
    const wasm = artifact(name);
    const isComponent = wasm[6] === 1;
    const loaded: Package = isComponent
      ? { engine: 'component', ...(await transpile(wasm)), maxMemoryBytes }
      : { engine: 'extism', wasm, maxMemoryBytes };
    packages.set(createHash('sha256').update(wasm).digest('hex'), loaded);
  }
  box = await createTestSandbox({
    serve,
    packages: {
      load: (digest) => {
        const found = packages.get(digest);
        return found ? Promise.resolve(found) : Promise.reject(new Error('no such package'));
      },
      prepare: () => Promise.reject(new Error('not used here')),
    },
  });
});
afterAll(async () => {
  await box.sandbox.close();
  await files.close();
});

async function call(
  name: string,
  tool: string,
  args: JsonObject,
  terms: Partial<PermitTerms> = {},
): Promise<ToolAnswer> {
  const outcome = await box.call(artifact(name), tool, args, { terms });
  if (outcome.kind !== 'answered') throw new Error(JSON.stringify(outcome));
  return outcome.answer;
}

const reading = { read: [{ host: resolve('test/data'), guest: '/data' }] };

test('text', async () => {
  const text = 'x'.repeat(1024);
  expect((await call('text', 'text_echo', { text })).content).toEqual([{ type: 'text', text }]);
});

test('file-search reads what is granted and says what is not', async () => {
  const args = { query: 'Zürich', path: '/data/json' };
  const found = await call('file-search', 'search_files', args, reading);
  expect(found.structuredContent?.['matches']).not.toEqual([]);
  const refused = await call('file-search', 'search_files', args);
  expect(refused.isError).toBe(true);
});

test('notes come back in a later instance', async () => {
  const added = await call('notes', 'note_add', { text: 'High water 03:12' }, { kv: true });
  const id = added.structuredContent?.['id'] ?? '';
  const note = await call('notes', 'note_get', { id }, { kv: true });
  expect(note.content).toEqual([{ type: 'text', text: 'High water 03:12' }]);
  expect(note.structuredContent?.['created']).toBeGreaterThan(1.7e12);
});

test('checksum walks a granted directory through WASI', async () => {
  const { structuredContent } = await call(
    'checksum',
    'hash_directory',
    { path: '/data/texts' },
    reading,
  );
  expect(structuredContent?.['files']).toHaveLength(5);
  expect(structuredContent?.['complete']).toBe(true);
  const refused = await call('checksum', 'hash_file', { path: '/etc/passwd' }, reading);
  expect(refused.isError).toBe(true);
});

test('data-query answers about a table', async () => {
  const csv = readFileSync('test/data/tables/time-zones.csv', 'utf8');
  const args = { csv, where: 'country = "IS"', select: ['zone'] };
  const { structuredContent } = await call('data-query', 'query_csv', args);
  expect(structuredContent).toEqual({ rows: [{ zone: 'Africa/Abidjan' }], total: 1 });
});

test('fetch-extract reads a page, and names the grant it lacks', async () => {
  const page = await call('fetch-extract', 'fetch_extract', { url: 'http://docs.test/page' });
  expect(page.structuredContent?.['title']).toBe('Tide tables & weather — Harbour Office');
  const refused = await call('fetch-extract', 'fetch_extract', { url: 'http://other.test/' });
  expect(refused.isError).toBe(true);
  expect(JSON.stringify(refused.content)).toContain("--allow-net 'GET http://other.test/**'");
});
