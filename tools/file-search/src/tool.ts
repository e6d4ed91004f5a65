// The file tools' two exports. Reads through the host functions, so only what is granted.

import { begin, fail } from '../../../wit/sdk/assembly/host';
import { definitions, request } from '../../../wit/sdk/assembly/answer';
import { DEFINITIONS } from './definitions';
import { list, read } from './files';
import { search } from './search';

export function describe(): i32 {
  begin();
  return definitions(DEFINITIONS);
}

export function call(): i32 {
  begin();
  const asked = request();
  if (asked === null) return fail('the input is not {"name","arguments"}');
  if (asked.name.is('search_files')) return search(asked);
  if (asked.name.is('list_files')) return list(asked);
  if (asked.name.is('read_file')) return read(asked);
  return fail('no such tool');
}
