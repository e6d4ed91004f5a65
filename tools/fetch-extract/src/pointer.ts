// JSON Pointer, RFC 6901.

import { Problem } from '../../../wit/sdk/typescript/tool.ts';

/** The value a pointer names. @throws Problem that says how far it led. */
export function follow(document: unknown, pointer: string): unknown {
  if (pointer === '') return document;
  if (!pointer.startsWith('/')) throw new Problem(`pointer \`${pointer}\` does not begin with \`/\``);
  let value = document;
  let walked = '';
  for (const part of pointer.slice(1).split('/')) {
    const key = part.replaceAll('~1', '/').replaceAll('~0', '~');
    const isIndex = Array.isArray(value) && /^(0|[1-9]\d*)$/.test(key);
    if (Array.isArray(value) ? !isIndex : typeof value !== 'object' || value === null) {
      throw new Problem(`pointer: nothing below \`${walked}\` is called \`${key}\``);
    }
    if (!Object.hasOwn(value as object, key)) {
      const keys = Object.keys(value as object).slice(0, 20);
      throw new Problem(`pointer: \`${walked}\` has no \`${key}\`, but ${keys.join(', ') || 'nothing'}`);
    }
    value = (value as Record<string, unknown>)[key];
    walked += `/${part}`;
  }
  return value;
}
