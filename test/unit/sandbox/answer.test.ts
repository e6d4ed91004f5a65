import { expect, test } from 'vitest';
import { readAnswer } from '../../../src/run/sandbox/answer.ts';

const read = (value: unknown, max = 10_000) =>
  readAnswer(
    new TextEncoder().encode(typeof value === 'string' ? value : JSON.stringify(value)),
    max,
  );

test('each kind of content, structured content and isError are read', () => {
  const answer = {
    content: [
      { type: 'text', text: 'ü' },
      { type: 'image', mimeType: 'image/png', data: 'AAECAw==' },
      { type: 'audio', mimeType: 'audio/wav', data: '' },
    ],
    structuredContent: { a: [1, { b: null }] },
    isError: true,
  };
  expect(structuredClone(read(answer))).toEqual(answer);
});

test('what is absent or null stays away', () => {
  expect(read({ content: [] })).toEqual({ content: [], isError: false });
  expect(read({ content: [], structuredContent: null, isError: null, _meta: { a: 1 } })).toEqual({
    content: [],
    isError: false,
  });
});

test('members of a piece that nobody knows do not pass', () => {
  expect(
    read({ content: [{ type: 'text', text: 'a', annotations: { audience: ['user'] } }] }),
  ).toEqual({ content: [{ type: 'text', text: 'a' }], isError: false });
});

test.each([
  ['not JSON', 'hello'],
  ['cut off', '{"content":['],
  ['more behind it', '{"content":[]} {}'],
  ['a member twice', '{"content":[],"content":[]}'],
  ['an array', []],
  ['null', null],
  ['no content', {}],
  ['content as a text', { content: 'x' }],
  ['an unknown member', { content: [], result: 1 }],
  ['a prototype', '{"content":[],"__proto__":{}}'],
  ['isError as a text', { content: [], isError: 'false' }],
  ['structured content as an array', { content: [], structuredContent: [] }],
  ['a text without text', { content: [{ type: 'text' }] }],
  ['a text that is a number', { content: [{ type: 'text', text: 1 }] }],
  ['a resource', { content: [{ type: 'resource', resource: { uri: 'file:///etc/passwd' } }] }],
  ['a piece that is null', { content: [null] }],
  ['an image without a type', { content: [{ type: 'image', data: '' }] }],
  ['a type with a line break', { content: [{ type: 'image', mimeType: 'a/b\r\nx: y', data: '' }] }],
  ['data that is not base64', { content: [{ type: 'image', mimeType: 'a/b', data: '<a>=' }] }],
  ['data cut off', { content: [{ type: 'image', mimeType: 'a/b', data: 'AAE' }] }],
  ['too many pieces', { content: Array.from({ length: 257 }, () => ({ type: 'text', text: '' })) }],
  ['too deep', `{"content":[],"structuredContent":{"a":${'['.repeat(99)}${']'.repeat(99)}}}`],
  ['a half surrogate', '{"content":[{"type":"text","text":"\\ud800"}]}'],
])('%s is no answer', (_what, value) => {
  expect(() => read(value)).toThrow('answered something that is not a tool answer');
});

test('an answer over the limit, and one that is not UTF-8, are none', () => {
  expect(() => read({ content: [{ type: 'text', text: 'x'.repeat(200) }] }, 100)).toThrow(
    'not a tool',
  );
  expect(() => readAnswer(new Uint8Array([0x7b, 0xff, 0x7d]), 100)).toThrow('not a tool');
});
