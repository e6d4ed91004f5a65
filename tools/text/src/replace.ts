// text_replace: a literal, left to right, without overlap.

import { Bytes, Out, indexOf, isWordByte, lowered } from '../../../wit/sdk/assembly/bytes';
import { fail } from '../../../wit/sdk/assembly/host';
import { Request, answerWith } from '../../../wit/sdk/assembly/answer';

function standsAlone(text: Bytes, from: i32, to: i32): bool {
  if (from > 0 && isWordByte(text.at(from - 1)) && isWordByte(text.at(from))) return false;
  return !(to < text.length && isWordByte(text.at(to)) && isWordByte(text.at(to - 1)));
}

export function replace(asked: Request): i32 {
  const text = asked.text('text');
  const find = asked.text('find');
  const replacement = asked.text('replace');
  if (text === null || find === null || replacement === null || find.length == 0) {
    return fail('text_replace needs `text`, a non-empty `find` and `replace`');
  }
  const fold = asked.flag('ignoreCase', false);
  const wholeWord = asked.flag('wholeWord', false);
  const max = asked.integer('max', i64.MAX_VALUE);
  const needle = fold ? lowered(find) : find;

  const out = new Out(text.length + 64);
  let copied = 0;
  let from = 0;
  let count: i64 = 0;
  while (count < max) {
    const at = indexOf(text, needle, from, fold);
    if (at < 0) break;
    if (wholeWord && !standsAlone(text, at, at + needle.length)) {
      from = at + 1;
      continue;
    }
    out.bytes(text.slice(copied, at)).bytes(replacement);
    from = copied = at + needle.length;
    count++;
  }
  out.bytes(text.slice(copied, text.length));

  const structured = new Out(out.length + 64);
  structured.ascii('{"text":').string(out.view()).ascii(',"count":').integer(count).byte(125);
  return answerWith(out.view(), structured.view());
}
