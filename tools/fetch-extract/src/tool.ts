// The fetch tool's component.

import { answer, answering, Problem, type Answer, type Operations } from '../../../wit/sdk/typescript/tool.ts';
import { decodeBody } from './charset.ts';
import { DEFINITIONS, type Mode } from './definitions.ts';
import { get, type Response } from './http.ts';
import { readPage } from './page.ts';
import { follow } from './pointer.ts';
import { readableText } from './readable.ts';
import { parseTarget } from './url.ts';

interface Asked {
  readonly url: string;
  readonly mode?: Mode;
  readonly pointer?: string;
  readonly offset?: number;
  readonly maxLength?: number;
}

const isHtml = (type: string, text: string): boolean =>
  /html/i.test(type) || (type === '' && /^\s*(<!doctype html|<html)/i.test(text));

/** A window of the text, and what follows from it. */
function windowOf(text: string, asked: Asked): { text: string; truncated: boolean } {
  const offset = asked.offset ?? 0;
  const end = offset + (asked.maxLength ?? 20_000);
  return { text: text.slice(offset, end), truncated: end < text.length };
}

function jsonAnswer(text: string, head: object, asked: Asked): Answer {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch {
    throw new Problem('the answer is not JSON');
  }
  const value = follow(document, asked.pointer ?? '');
  const shown = windowOf(JSON.stringify(value, null, 2), asked);
  // A value too long to show is not given as structured content either.
  return answer(shown.text, { ...head, ...(shown.truncated ? shown : { value }) });
}

function extract(response: Response, url: string, asked: Asked): Answer {
  const text = decodeBody(response.body, response.contentType);
  const head = { url, status: response.status, contentType: response.contentType };
  const mode = asked.mode ?? 'text';
  if (mode === 'json') return jsonAnswer(text, head, asked);
  if (mode === 'raw' || (mode === 'text' && !isHtml(response.contentType, text))) {
    const shown = windowOf(text, asked);
    return answer(shown.text, { ...head, ...shown, truncated: shown.truncated || response.cut });
  }
  const page = readPage(text, url);
  if (mode === 'links') {
    const lines = page.links.map((link) => `${link.url}  ${link.text}`.trimEnd());
    return answer(lines.join('\n') || 'no links', { ...head, title: page.title, links: page.links });
  }
  if (mode === 'metadata') {
    const { title, metadata, headings } = page;
    const lines = Object.entries(metadata).map(([name, value]) => `${name}: ${value}`);
    const outline = headings.map(({ level, text: heading }) => `${'#'.repeat(level)} ${heading}`);
    const people = [`title: ${title}`, ...lines, ...outline].join('\n');
    return answer(people, { ...head, title, metadata, headings });
  }
  const shown = windowOf(readableText(text), asked);
  const truncated = shown.truncated || response.cut;
  return answer(shown.text, { ...head, title: page.title, text: shown.text, truncated });
}

export const operations: Operations = {
  describe: () => DEFINITIONS,
  call: (name, args) =>
    answering(() => {
      if (name !== 'fetch_extract') throw new Error(`no tool \`${name}\``);
      const asked = JSON.parse(args) as Asked;
      const target = parseTarget(asked.url);
      const response = get(target);
      if (response.status >= 400) {
        throw new Problem(`${target.url} answered with status ${response.status}`);
      }
      return extract(response, target.url, asked);
    }),
};
