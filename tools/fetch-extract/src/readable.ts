// The text of a page as a reader would copy it: blocks on lines of their own, headings and list
// items marked, what is not content left out.

import { tokenize, type Token } from './html.ts';

const BLOCK = new Set(
  'address article aside blockquote body br dd details dialog div dl dt fieldset figcaption figure footer form h1 h2 h3 h4 h5 h6 header hr html legend li main nav ol p pre section summary table tbody tfoot thead tr ul'.split(' '),
);
/** Blocks with an empty line before them. */
const SPACED = new Set('p h1 h2 h3 h4 h5 h6 ul ol dl pre table blockquote'.split(' '));
/** Never content. */
const HIDDEN = new Set(
  'script style template noscript iframe svg math canvas audio video object select button head textarea'.split(' '),
);
/** Around the content; left out unless nothing else is there. */
const AROUND = new Set(['nav', 'footer', 'aside']);
/** Elements without an end tag. */
const VOID = new Set('area base br col embed hr img input link meta param source track wbr'.split(' '));

interface Rules {
  /** Only what lies in this element. */
  readonly within: string | undefined;
  readonly skip: ReadonlySet<string>;
}

function extract(tokens: readonly Token[], { within, skip }: Rules): string {
  const lines: string[] = [];
  let line = '';
  let inside = within === undefined ? 1 : 0;
  let preformatted = 0;
  let skipping: string | undefined;
  let depth = 0;

  const flush = (): void => {
    const text = preformatted > 0 ? line.trimEnd() : line.trim();
    if (text !== '' || (lines.length > 0 && lines.at(-1) !== '')) lines.push(text);
    line = '';
  };
  for (const token of tokens) {
    if (skipping !== undefined) {
      if (token.kind !== 'text' && token.name === skipping) depth += token.kind === 'open' ? 1 : -1;
      if (depth === 0) skipping = undefined;
      continue;
    }
    if (token.kind === 'text') {
      if (inside === 0) continue;
      if (preformatted > 0) {
        const [first = '', ...rest] = token.text.split('\n');
        line += first;
        for (const next of rest) {
          lines.push(line.trimEnd());
          line = next;
        }
      } else {
        const text = token.text.replaceAll(/[\s\u00a0]+/g, ' ');
        line += line === '' || line.endsWith(' ') ? text.trimStart() : text;
      }
      continue;
    }
    const { name } = token;
    if (name === within) {
      flush();
      inside = Math.max(0, inside + (token.kind === 'open' ? 1 : -1));
    }
    if (token.kind === 'open' && skip.has(name) && !VOID.has(name)) {
      skipping = name;
      depth = 1;
      if (BLOCK.has(name)) flush();
      continue;
    }
    if (name === 'td' || name === 'th') {
      if (token.kind === 'open' && line !== '') line = `${line.trimEnd()} | `;
    } else if (BLOCK.has(name)) {
      const isMarked = line === '- ' && token.kind === 'open';
      if (inside > 0 && !isMarked) flush();
      if (token.kind === 'open' && SPACED.has(name) && !isMarked && lines.length > 0) {
        if (lines.at(-1) !== '') lines.push('');
      }
      if (name === 'pre') preformatted = Math.max(0, preformatted + (token.kind === 'open' ? 1 : -1));
      if (token.kind === 'open' && name === 'li') line = '- ';
      if (token.kind === 'open' && /^h[1-6]$/.test(name)) line = `${'#'.repeat(Number(name[1]))} `;
    } else if (name === 'img' && token.kind === 'open' && inside > 0) {
      const alt = token.attributes.get('alt')?.trim() ?? '';
      if (alt !== '') line += `[${alt}]`;
    }
  }
  flush();
  const marks = /^(-|#{1,6})$/;
  return lines
    .filter((text) => !marks.test(text))
    .join('\n')
    .replaceAll(/\n{3,}/g, '\n\n')
    .trim();
}

/** Readable text of a page: of its main element or article if it has one. */
export function readableText(html: string): string {
  const tokens = [...tokenize(html)];
  const has = (name: string): boolean =>
    tokens.some((token) => token.kind === 'open' && token.name === name);
  const skip = new Set([...HIDDEN, ...AROUND]);
  for (const within of ['main', 'article']) {
    const text = has(within) ? extract(tokens, { within, skip }) : '';
    if (text.length > 80) return text;
  }
  return extract(tokens, { within: undefined, skip }) || extract(tokens, { within: undefined, skip: HIDDEN });
}
