// A page's title, metadata and links.

import { collapse, tokenize } from './html.ts';
import { resolve } from './url.ts';

export interface Link {
  readonly url: string;
  readonly text: string;
}

export interface Page {
  readonly title: string;
  /** From meta elements and link rel=canonical, by name. */
  readonly metadata: Readonly<Record<string, string>>;
  readonly headings: readonly { readonly level: number; readonly text: string }[];
  /** Of every anchor with an http or https target, without repeats. */
  readonly links: readonly Link[];
}

const MAX_LINKS = 2000;

/** Reads a page that was fetched from `url`. */
export function readPage(html: string, url: string): Page {
  let base = url;
  let title = '';
  const metadata = new Map<string, string>();
  const headings: { level: number; text: string }[] = [];
  const links = new Map<string, string>();
  /** What is being collected: the element that ends it, and where the text goes. */
  let collecting: { name: string; done: (text: string) => void } | undefined;
  let text = '';
  const finish = (): void => {
    collecting?.done(collapse(text));
    collecting = undefined;
    text = '';
  };

  for (const token of tokenize(html)) {
    if (token.kind === 'text') {
      if (collecting) text += token.text;
      continue;
    }
    if (token.kind === 'close') {
      if (token.name === collecting?.name) finish();
      continue;
    }
    const { name, attributes } = token;
    const href = attributes.get('href');
    if (name === 'img' && collecting) text += ` ${attributes.get('alt') ?? ''} `;
    else if (name === 'base' && href !== undefined) base = resolve(url, href);
    else if (name === 'meta') {
      const key = attributes.get('name') ?? attributes.get('property');
      const content = attributes.get('content');
      if (key !== undefined && content !== undefined) metadata.set(key.toLowerCase(), collapse(content));
    } else if (name === 'link' && href !== undefined) {
      if (attributes.get('rel')?.toLowerCase() === 'canonical') metadata.set('canonical', resolve(base, href));
    } else if (name === 'html' && attributes.has('lang')) metadata.set('lang', attributes.get('lang') ?? '');
    else if (name === 'title' && title === '') {
      finish();
      collecting = { name, done: (found) => (title = found) };
    } else if (/^h[1-6]$/.test(name)) {
      finish();
      const level = Number(name[1]);
      collecting = { name, done: (found) => found !== '' && headings.push({ level, text: found }) };
    } else if (name === 'a' && href !== undefined) {
      const target = resolve(base, href);
      if (!/^https?:\/\//i.test(target) || links.size >= MAX_LINKS) continue;
      if (!links.has(target)) links.set(target, '');
      // A link inside a heading belongs to both: the heading goes on collecting.
      if (collecting && collecting.name !== 'a') continue;
      finish();
      collecting = { name, done: (found) => links.get(target) === '' && links.set(target, found) };
    }
  }
  finish();
  return {
    title,
    metadata: Object.fromEntries(metadata),
    headings,
    links: [...links].map(([target, label]) => ({ url: target, text: label })),
  };
}
