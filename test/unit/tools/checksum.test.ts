import { createHash } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { beforeAll, expect, test } from 'vitest';
import { openPlugin, type Tool } from './plugin.ts';

let tool: Tool;
beforeAll(async () => {
  tool = await openPlugin('checksum', {}, { '/data': 'test/data/texts' });
});

const digests = (data: string | Buffer): object => ({
  size: Buffer.byteLength(data),
  sha256: createHash('sha256').update(data).digest('hex'),
  crc32: crc32(data).toString(16).padStart(8, '0'),
});

test('a text of any length around the block size has the digests node gives it', async () => {
  for (const length of [0, 1, 55, 56, 63, 64, 65, 127, 128, 1000]) {
    const text = 'é'.repeat(length >> 1) + 'x'.repeat(length & 1);
    const { structuredContent } = await tool.call('hash_text', { text });
    expect(structuredContent).toEqual(digests(text));
  }
});

test('a file is read through WASI', async () => {
  const { structuredContent } = await tool.call('hash_file', { path: '/data/gpl-3.txt' });
  const data = readFileSync('test/data/texts/gpl-3.txt');
  expect(structuredContent).toEqual({ path: '/data/gpl-3.txt', ...digests(data) });
});

test('a directory is listed as sha256sum would and digested as a whole', async () => {
  const { structuredContent, content } = await tool.call('hash_directory', { path: '/data' });
  const names = readdirSync('test/data/texts').sort();
  const lines = names.map((name) => {
    const data = readFileSync(join('test/data/texts', name));
    return `${createHash('sha256').update(data).digest('hex')}  ${name}\n`;
  });
  const tree = createHash('sha256').update(lines.join('')).digest('hex');
  expect(structuredContent).toMatchObject({ tree, complete: true });
  expect(content[0]?.text).toBe(`${lines.join('')}tree ${tree}`);
});

test('a directory of more files than asked for says it is not complete', async () => {
  const answer = await tool.call('hash_directory', { path: '/data', maxFiles: 1 });
  expect(answer.structuredContent).toMatchObject({ complete: false });
});

test('a path outside every grant is a problem that names the remedy', async () => {
  for (const path of ['/etc/passwd', '/data/../../etc/passwd', '/data/none']) {
    const { isError, content } = await tool.call('hash_file', { path });
    expect(isError).toBe(true);
    expect(content[0]?.text).toContain('--allow-read');
  }
});
