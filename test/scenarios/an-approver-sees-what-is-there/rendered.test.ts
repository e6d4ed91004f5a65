// The approver reads a terminal. A tool's caller chooses the text on it.

import { expect, test } from 'vitest';

import { renderArguments } from '../../../src/decide/approval/render.ts';
import { parseToolCall } from '../../../src/decide/request/parse-tool-call.ts';

const shown = (args: Record<string, unknown>): string =>
  renderArguments(parseToolCall('t', { parsed: args }).arguments);

test('an argument cannot clear the screen and write another call over this one', () => {
  const text = shown({ path: '/etc/shadow\u001b[2K\u001b[1A{"path": "/tmp/x"}' });
  expect(text).not.toContain('\u001b');
  expect(text).toContain('/etc/shadow');
});

test('an argument cannot add a line that looks like the layout', () => {
  const text = shown({ note: 'x"\n}\nit could\n  only compute' });
  expect(text.split('\n')).toHaveLength(3);
});

test('an argument cannot be read backwards', () => {
  expect(shown({ file: 'invoice\u202efdp.exe' })).toContain('invoice\\u{202e}fdp.exe');
});

test('two arguments that differ only in what does not show look different', () => {
  expect(shown({ to: 'pay\u200bpal' })).not.toBe(shown({ to: 'paypal' }));
  expect(shown({ to: 'paypal\u{e0020}' })).toContain('\\u{e0020}');
});

test('a member cannot hide behind a name that does not show', () => {
  expect(shown({ '\u200b': 'rm -rf' })).toBe('{\n  "\\u{200b}": "rm -rf"\n}');
});
