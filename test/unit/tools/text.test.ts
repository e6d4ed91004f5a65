import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { beforeAll, expect, test } from 'vitest';
import { openPlugin, type Tool } from './plugin.ts';

let tool: Tool;
beforeAll(async () => {
  tool = await openPlugin('text');
});

/** Applies a unified diff without file headers. */
function patch(before: string, diff: string): string {
  const old = before.split(/(?<=\n)/);
  const out: string[] = [];
  let at = 0;
  const lines = diff.split(/(?<=\n)/);
  for (let i = 0; i < lines.length; i += 1) {
    const line = lines[i] ?? '';
    const header = /^@@ -(\d+)(?:,(\d+))? \+/.exec(line);
    if (header) {
      const start = Number(header[1]) - (header[2] === '0' ? 0 : 1);
      while (at < start) out.push(old[at++] ?? '');
      continue;
    }
    if (line === '' || line.startsWith('\\')) continue;
    const cut = lines[i + 1]?.startsWith('\\') === true;
    const text = cut ? line.slice(1, -1) : line.slice(1);
    if (line.startsWith('+')) out.push(text);
    else {
      expect(text).toBe(old[at]);
      if (line.startsWith(' ')) out.push(text);
      at += 1;
    }
  }
  return [...out, ...old.slice(at)].join('');
}

test('the four tools are described', async () => {
  const names = (await tool.describe()).map(({ name }) => name);
  expect(names).toEqual(['text_stats', 'text_diff', 'text_replace', 'text_echo']);
});

test('an echo returns any text unchanged', async () => {
  await fc.assert(
    fc.asyncProperty(fc.string({ unit: 'binary' }), async (text) => {
      const { content } = await tool.call('text_echo', { text });
      expect(content).toEqual([{ type: 'text', text }]);
    }),
  );
});

test('statistics of a real licence agree with counting in JavaScript', async () => {
  const text = readFileSync('test/data/texts/gpl-3.txt', 'utf8');
  const { structuredContent } = await tool.call('text_stats', { text, top: 3 });
  const words = text.toLowerCase().match(/[\w\u0080-\uffff]+(?:['-][\w\u0080-\uffff]+)*/g);
  const counts = new Map<string, number>();
  for (const word of words ?? []) counts.set(word, (counts.get(word) ?? 0) + 1);
  const best = [...counts].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1)).slice(0, 3);
  expect(structuredContent).toEqual({
    bytes: Buffer.byteLength(text),
    characters: [...text].length,
    lines: text.split('\n').length - 1,
    words: words?.length,
    distinctWords: counts.size,
    longestLine: Math.max(...text.split('\n').map((line) => [...line].length)),
    topWords: best.map(([word, count]) => ({ word, count })),
  });
});

test('a diff applied to the first text gives the second', async () => {
  const text = fc
    .array(fc.constantFrom('a', 'b', 'c', 'long line', ''), { maxLength: 30 })
    .map((lines) => lines.join('\n'));
  await fc.assert(
    fc.asyncProperty(text, text, fc.nat(4), async (before, after, context) => {
      const answer = await tool.call('text_diff', { before, after, context });
      const { diff, same } = answer.structuredContent as { diff: string; same: boolean };
      expect(same).toBe(before === after);
      expect(patch(before, diff)).toBe(after);
    }),
  );
});

test('a diff past the edit bound is still right', async () => {
  const before = Array.from({ length: 3000 }, (_, i) => `old ${i}`).join('\n');
  const after = Array.from({ length: 3000 }, (_, i) => `new ${i}`).join('\n');
  const answer = await tool.call('text_diff', { before, after });
  const { diff } = answer.structuredContent as { diff: string };
  expect(patch(before, diff)).toBe(after);
});

test('replacing takes the text literally and can keep to whole words', async () => {
  const whole = await tool.call('text_replace', {
    text: 'cat Cat concat $& CAT',
    find: 'cat',
    replace: '$&',
    ignoreCase: true,
    wholeWord: true,
  });
  expect(whole.structuredContent).toEqual({ text: '$& $& concat $& $&', count: 3 });
  const first = await tool.call('text_replace', { text: 'aaaa', find: 'aa', replace: 'b', max: 1 });
  expect(first.structuredContent).toEqual({ text: 'baa', count: 1 });
});

test('input that is no request is an error, not a crash', async () => {
  await expect(tool.call('text_nope', {})).rejects.toThrow('no such tool');
  await expect(tool.call('text_stats', { text: 5 })).rejects.toThrow('needs a string');
});
