// Cuts HTML into tags and text, forgiving what browsers forgive. No tree: the extractors count.

import { decodeEntities } from './entities.ts';

export type Token =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'open'; readonly name: string; readonly attributes: ReadonlyMap<string, string> }
  | { readonly kind: 'close'; readonly name: string };

/** Elements whose content is text up to their own end tag. */
const RAW = new Set(['script', 'style', 'textarea', 'title', 'noscript', 'template', 'iframe', 'xmp']);

const ATTRIBUTE = /([^\s"'<>/=]+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'=<>`]+)))?/g;

function attributesOf(text: string): Map<string, string> {
  const found = new Map<string, string>();
  for (const [, name = '', double, single, bare] of text.matchAll(ATTRIBUTE)) {
    const key = name.toLowerCase();
    if (!found.has(key)) found.set(key, decodeEntities(double ?? single ?? bare ?? ''));
  }
  return found;
}

/** Index past the `>` that ends the tag at `at`, heeding quotes; the end if there is none. */
function tagEnd(html: string, at: number): number {
  let quote = '';
  for (let i = at; i < html.length; i += 1) {
    const character = html.charAt(i);
    if (quote !== '') {
      if (character === quote) quote = '';
    } else if ((character === '"' || character === "'") && /=\s*$/.test(html.slice(Math.max(at, i - 8), i))) {
      quote = character;
    } else if (character === '>') return i + 1;
  }
  return html.length;
}

/** The tokens of a document, in order. Comments, doctype and processing instructions are left out. */
export function* tokenize(html: string): Generator<Token> {
  let at = 0;
  while (at < html.length) {
    const open = html.indexOf('<', at);
    if (open !== at) {
      const end = open < 0 ? html.length : open;
      yield { kind: 'text', text: decodeEntities(html.slice(at, end)) };
      at = end;
      continue;
    }
    if (html.startsWith('<!--', at)) {
      const end = html.indexOf('-->', at + 4);
      at = end < 0 ? html.length : end + 3;
      continue;
    }
    const next = html.charAt(at + 1);
    if (next === '!' || next === '?') {
      at = tagEnd(html, at);
      continue;
    }
    const name = /^<\/?([A-Za-z][^\s/>]*)/.exec(html.slice(at, at + 64))?.[1]?.toLowerCase();
    if (name === undefined) {
      yield { kind: 'text', text: '<' };
      at += 1;
      continue;
    }
    const end = tagEnd(html, at);
    if (next === '/') {
      yield { kind: 'close', name };
      at = end;
      continue;
    }
    const inside = html.slice(at + 1 + name.length, end - 1);
    yield { kind: 'open', name, attributes: attributesOf(inside) };
    at = end;
    if (RAW.has(name) && !inside.endsWith('/')) {
      const close = new RegExp(`</${name}[\\s/>]`, 'i').exec(html.slice(at));
      const stop = close ? at + close.index : html.length;
      const text = html.slice(at, stop);
      yield { kind: 'text', text: name === 'title' || name === 'textarea' ? decodeEntities(text) : text };
      yield { kind: 'close', name };
      at = close ? tagEnd(html, stop) : html.length;
    }
  }
}

/** White space runs become one space; the ends are trimmed. */
export function collapse(text: string): string {
  return text.replaceAll(/[\s\u00a0]+/g, ' ').trim();
}
