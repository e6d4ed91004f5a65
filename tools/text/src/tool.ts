// The text tools' two exports. Needs nothing but the Extism kernel.

import { Out } from '../../../wit/sdk/assembly/bytes';
import { begin, fail, output } from '../../../wit/sdk/assembly/host';
import { definitions, request } from '../../../wit/sdk/assembly/answer';
import { DEFINITIONS } from './definitions';
import { stats } from './stats';
import { diff } from './diff';
import { replace } from './replace';

export function describe(): i32 {
  begin();
  return definitions(DEFINITIONS);
}

export function call(): i32 {
  begin();
  const asked = request();
  if (asked === null) return fail('the input is not {"name","arguments"}');
  if (asked.name.is('text_echo')) {
    // The JSON string goes back as it came: nothing to unescape, nothing to escape again.
    const text = asked.args.get('text');
    if (text === null || !text.isString) return fail('text_echo needs a string `text`');
    const raw = text.raw();
    const out = new Out(raw.length + 48);
    out.ascii('{"content":[{"type":"text","text":').bytes(raw).ascii('}]}');
    output(out.ptr, out.length);
    return 0;
  }
  if (asked.name.is('text_stats')) return stats(asked);
  if (asked.name.is('text_diff')) return diff(asked);
  if (asked.name.is('text_replace')) return replace(asked);
  return fail('no such tool');
}
