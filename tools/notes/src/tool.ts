// The note tools' two exports. Notes live in warder's key/value store, one key each.

import { begin, fail } from '../../../wit/sdk/assembly/host';
import { definitions, request } from '../../../wit/sdk/assembly/answer';
import { DEFINITIONS } from './definitions';
import { add, get, list, remove, search } from './notes';

export function describe(): i32 {
  begin();
  return definitions(DEFINITIONS);
}

export function call(): i32 {
  begin();
  const asked = request();
  if (asked === null) return fail('the input is not {"name","arguments"}');
  if (asked.name.is('note_add')) return add(asked);
  if (asked.name.is('note_list')) return list(asked);
  if (asked.name.is('note_get')) return get(asked);
  if (asked.name.is('note_delete')) return remove(asked);
  if (asked.name.is('note_search')) return search(asked);
  return fail('no such tool');
}
