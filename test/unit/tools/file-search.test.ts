import { readFileSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { beforeEach, expect, test } from 'vitest';
import { openPlugin, Refusal, type HostFunction, type Tool } from './plugin.ts';

/** Guest path to host path below test/data, or a refusal. */
function real(path: unknown): string {
  if (typeof path !== 'string' || !/^\/data(\/|$)/.test(path)) {
    throw new Refusal('denied', `\`${String(path)}\` is not granted`);
  }
  return join('test/data', path.slice('/data'.length));
}

let reads: number;
let tool: Tool;
beforeEach(async () => {
  reads = 0;
  const functions: Record<string, HostFunction> = {
    file_roots: () => ({ roots: ['/data'] }),
    file_stat: ({ path }) => {
      const info = statSync(real(path));
      const kind = info.isDirectory() ? 'directory' : 'file';
      return { kind, size: info.isDirectory() ? 0 : info.size, modified: 0 };
    },
    file_list: ({ path }) => ({
      entries: readdirSync(real(path), { withFileTypes: true })
        .map((entry) => ({ name: entry.name, kind: entry.isDirectory() ? 'directory' : 'file' }))
        .sort((a, b) => (a.name < b.name ? -1 : 1)),
    }),
    file_read: ({ path, offset, length }) => {
      reads += 1;
      const data = readFileSync(real(path));
      const from = Number(offset);
      return { data: data.subarray(from, from + Number(length)).toString('base64') };
    },
  };
  tool = await openPlugin('file-search', functions);
});

interface Found {
  readonly matches: readonly { path: string; line: number; column: number; text: string }[];
  readonly filesSearched: number;
  readonly complete: boolean;
}

/** What grep would find below test/data. */
function grep(folder: string, wanted: RegExp, file: RegExp): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && file.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()
    .flatMap((path) =>
      readFileSync(path, 'utf8')
        .split('\n')
        .flatMap((line, i) => (wanted.test(line) ? [`${path}:${i + 1}`] : [])),
    );
}

test('searching real documents finds the lines grep finds', async () => {
  const answer = await tool.call('search_files', {
    query: 'warranty',
    ignoreCase: true,
    glob: '*.txt',
    maxMatches: 1000,
  });
  const found = answer.structuredContent as Found;
  const lines = found.matches.map(({ path, line }) => `test${path}:${line}`);
  expect(lines).toEqual(grep('test/data', /warranty/i, /\.txt$/));
  expect(found.complete).toBe(true);
});

test('whole words, one file, context and a bound on matches', async () => {
  const answer = await tool.call('search_files', {
    query: 'Program',
    path: '/data/texts/gpl-3.txt',
    wholeWord: true,
    context: 1,
    maxMatches: 2,
  });
  const { matches, complete } = answer.structuredContent as Found;
  expect(matches).toHaveLength(2);
  expect(complete).toBe(false);
  const lines = readFileSync('test/data/texts/gpl-3.txt', 'utf8').split('\n');
  const at = matches[0]?.line ?? 0;
  expect(matches[0]?.text).toBe(lines[at - 1]);
  const shown = answer.content[0]?.text.split('\n') ?? [];
  expect(shown[0]).toBe(`/data/texts/gpl-3.txt-${at - 1}-${lines[at - 2]}`);
  expect(shown[1]).toBe(`/data/texts/gpl-3.txt:${at}:${lines[at - 1]}`);
});

test('a path that is not granted is a problem with the host’s own words', async () => {
  for (const [name, args] of [
    ['search_files', { query: 'root', path: '/etc' }],
    ['list_files', { path: '/etc' }],
    ['read_file', { path: '/etc/passwd' }],
  ] as const) {
    const { isError, content } = await tool.call(name, args);
    expect(isError).toBe(true);
    expect(content[0]?.text).toContain('denied');
  }
});

test('listing follows globs across directories', async () => {
  const all = await tool.call('list_files', {});
  expect(all.structuredContent).toEqual({
    entries: [{ path: '/data', kind: 'directory' }],
    complete: true,
  });
  const { structuredContent } = await tool.call('list_files', {
    path: '/data',
    recursive: true,
    glob: '{json,tables}/**/iso*.[jt]*',
  });
  const { entries } = structuredContent as { entries: { path: string }[] };
  expect(entries.map(({ path }) => path)).toEqual([
    '/data/json/iso_3166-1.json',
    '/data/json/iso_3166-2.json',
    '/data/json/iso_4217.json',
    '/data/json/iso_639-2.json',
    '/data/tables/iso3166.tab',
  ]);
});

test('reading gives any window of lines and says when the end was reached', async () => {
  const whole = readFileSync('test/data/tables/unicode-characters.csv', 'utf8');
  const lines = whole.split(/(?<=\n)/);
  const path = '/data/tables/unicode-characters.csv';
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 12_100 }),
      fc.integer({ min: 1, max: 300 }),
      async (offset, limit) => {
        const { structuredContent } = await tool.call('read_file', { path, offset, limit });
        const wanted = lines.slice(offset - 1, offset - 1 + limit);
        expect(structuredContent).toMatchObject({
          text: wanted.join(''),
          lines: wanted.length,
          complete: offset - 1 + limit >= lines.length,
        });
      },
    ),
    { numRuns: 20 },
  );
});

test('the beginning of a large file costs one read', async () => {
  await tool.call('read_file', { path: '/data/tables/unicode-characters.csv', limit: 5 });
  expect(reads).toBe(1);
});
