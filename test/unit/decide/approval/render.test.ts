import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { renderArguments, renderText } from '../../../../src/decide/approval/render.ts';
import { parseToolCall } from '../../../../src/decide/request/parse-tool-call.ts';

const render = (args: Record<string, unknown>): string =>
  renderArguments(parseToolCall('t', { parsed: args }).arguments);

describe('what a person is shown', () => {
  test.each([
    ['an escape sequence', '\u001b[2J\u001b[1;1Happroved', '\\u{1b}[2J\\u{1b}[1;1Happroved'],
    ['an 8-bit escape', '\u009b31m', '\\u{9b}31m'],
    ['a carriage return', 'evil\rgood', 'evil\\u{d}good'],
    ['a line break', 'a\nb', 'a\\u{a}b'],
    ['a right-to-left override', '\u202etxt.exe', '\\u{202e}txt.exe'],
    ['a bidi isolate', '\u2066x\u2069', '\\u{2066}x\\u{2069}'],
    ['a zero-width space', 'pay\u200bpal', 'pay\\u{200b}pal'],
    ['a byte order mark', '\ufeffx', '\\u{feff}x'],
    ['a soft hyphen', 'a\u00adb', 'a\\u{ad}b'],
    ['a tag character', 'x\u{e0041}', 'x\\u{e0041}'],
    ['a variation selector', 'x\ufe0f', 'x\\u{fe0f}'],
    ['a Hangul filler', 'x\u3164y', 'x\\u{3164}y'],
    ['a braille blank', 'x\u2800y', 'x\\u{2800}y'],
    ['a no-break space', 'a\u00a0b', 'a\\u{a0}b'],
    ['a line separator', 'a\u2028b', 'a\\u{2028}b'],
    ['a private character', '\ue000', '\\u{e000}'],
    ['a lone surrogate', '\ud800', '\\u{d800}'],
    ['stacked marks', 'a\u0301\u0301\u0301\u0301', 'a\u0301\u0301\\u{301}\\u{301}'],
  ])('%s shows', (_, text, shown) => {
    expect(renderText(text)).toBe(shown);
  });

  test('ordinary text of any script stands as it is', () => {
    for (const text of ['naïve café', '日本語', 'Здравствуй', 'مرحبا', '🙂', 'a b']) {
      expect(renderText(text)).toBe(text);
    }
  });

  test('no argument can add a line or an escape of its own', () => {
    const value = fc.dictionary(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), {
      maxKeys: 5,
    });
    fc.assert(
      fc.property(value, (args) => {
        let shown;
        try {
          shown = render(args);
        } catch {
          return;
        }
        const lines = Object.keys(args).length === 0 ? 1 : Object.keys(args).length + 2;
        expect(shown.split('\n')).toHaveLength(lines);
        expect(shown).not.toMatch(/[^\P{C}\n]/u);
      }),
      { numRuns: 200 },
    );
  });

  test('the real arguments, names too', () => {
    expect(render({ 'na\u202eme': ['a\nb', 1.5, null, { x: true }] })).toBe(
      '{\n  "na\\u{202e}me": [\n    "a\\nb",\n    1.5,\n    null,\n    {\n      "x": true\n    }\n  ]\n}',
    );
  });

  test('what is too long to show says that it is', () => {
    const shown = render({ a: 'x'.repeat(100_000) });
    expect(shown.length).toBeLessThan(66_000);
    expect(shown).toMatch(/\[\d+ more characters are not shown/);
  });
});
