// Shows an approval to a person so that the terminal shows what is there: nothing hidden, nothing
// reordered, no escape sequence, no line that only looks like ours.

import type { JsonObject } from '../../base/encoding/json.ts';

/** Most characters of arguments that are shown. */
const MAX_SHOWN = 64 * 1024;

/**
 * What does not show or changes how its neighbours show: controls, format and bidi characters, private
 * and unassigned code points, lone surrogates, every blank but the space, ignorables, stacked marks.
 */
const DECEPTIVE = /[\p{C}\p{Default_Ignorable_Code_Point}\u2800]|(?! )\p{Z}|(?<=\p{M}\p{M})\p{M}/gu;

/** Text with every character visible: others stand as `\u{202e}`. Line breaks too. */
export function renderText(text: string): string {
  return text.replace(DECEPTIVE, (character) => {
    const code = character.codePointAt(0) ?? 0;
    return `\\u{${code.toString(16)}}`;
  });
}

/** Arguments as indented JSON. Line breaks are the layout's only: those in values stand as `\n`. */
export function renderArguments(args: JsonObject): string {
  const lines = JSON.stringify(args, null, 2).split('\n').map(renderText);
  const text = lines.join('\n');
  if (text.length <= MAX_SHOWN) return text;
  const left = text.length - MAX_SHOWN;
  return (
    `${text.slice(0, MAX_SHOWN).toWellFormed()}\n` +
    `[${left} more characters are not shown: approve only if you know them otherwise]`
  );
}
