import { readFileSync } from 'node:fs';
import { beforeAll, beforeEach, expect, test } from 'vitest';
import { decodeEntities } from '../../../tools/fetch-extract/src/entities.ts';
import { readPage } from '../../../tools/fetch-extract/src/page.ts';
import { follow } from '../../../tools/fetch-extract/src/pointer.ts';
import { readableText } from '../../../tools/fetch-extract/src/readable.ts';
import { parseTarget, resolve } from '../../../tools/fetch-extract/src/url.ts';
import { openComponent, type Component, type HttpReply, type HttpRequest } from './component.ts';

let component: Component;
let reply: HttpReply;
let requests: HttpRequest[];

beforeAll(async () => {
  component = await openComponent('tools/fetch-extract/fetch-extract.wasm', (request) => {
    requests.push(request);
    return reply;
  });
});
beforeEach(() => {
  requests = [];
  reply = { status: 404 };
});

const page = (name: string): HttpReply => ({
  status: 200,
  headers: { 'content-type': 'text/html; charset=utf-8' },
  body: readFileSync(`test/data/pages/${name}.html`, 'utf8'),
});

function fetchExtract(args: object): {
  text: string;
  isError: boolean;
  data: Record<string, unknown>;
} {
  const answer = component.operations.call('fetch_extract', JSON.stringify(args));
  const data = JSON.parse(answer.structured ?? '{}') as Record<string, unknown>;
  return { text: answer.content[0]?.val ?? '', isError: answer.isError, data };
}

test('the text of a real page, read through wasi:http', () => {
  reply = page('choosing');
  const { text, data } = fetchExtract({ url: 'http://docs.test/faq/choosing.html?x=1#part' });
  expect(requests).toMatchObject([
    { method: 'GET', url: 'http://docs.test/faq/choosing.html?x=1' },
  ]);
  expect(data).toMatchObject({ status: 200, title: 'Chapter 3. Choosing a Debian distribution' });
  expect(text).toContain('# Chapter 3. Choosing a Debian distribution');
  expect(text).toContain(
    'The answer is a bit complicated. It really depends on what you intend to do.',
  );
  expect(text).not.toMatch(/<[a-z]|background-image/);
});

test('a long text is read in windows that join without a seam', () => {
  reply = page('pkg-basics');
  const url = 'https://docs.test/';
  const whole = fetchExtract({ url, maxLength: 1_000_000 }).text;
  let joined = '';
  for (let truncated = true; truncated;) {
    const part = fetchExtract({ url, offset: joined.length, maxLength: 5000 });
    joined += part.text;
    truncated = part.data['truncated'] === true;
  }
  expect(joined).toBe(whole);
});

test('a value out of a real JSON document', () => {
  reply = {
    status: 200,
    headers: { 'content-type': 'application/json' },
    body: readFileSync('test/data/json/iso_3166-1.json', 'utf8'),
  };
  const asked = { url: 'https://api.test/countries', mode: 'json' };
  expect(fetchExtract({ ...asked, pointer: '/3166-1/0/alpha_2' }).data['value']).toBe('AW');
  const missing = fetchExtract({ ...asked, pointer: '/3166-1/0/nope' });
  expect(missing).toMatchObject({ isError: true });
  expect(missing.text).toContain('alpha_2');
});

test('a refused request says which grant would allow it', () => {
  reply = { error: { tag: 'HTTP-request-denied' } };
  const { isError, text } = fetchExtract({ url: 'https://Secret.test:8443/a/b' });
  expect(isError).toBe(true);
  expect(text).toContain("--allow-net 'GET https://secret.test:8443/**'");
});

test('a status of failure, and a URL that is none, are problems', () => {
  expect(fetchExtract({ url: 'https://docs.test/' })).toMatchObject({ isError: true });
  for (const url of [
    'file:///etc/passwd',
    '//x',
    'http://',
    'http://user:pw@host/',
    'http://a b/',
  ]) {
    expect(fetchExtract({ url }).isError, url).toBe(true);
  }
  expect(requests).toHaveLength(1);
});

test('a messy page gives its content and nothing of its scripts, comments or navigation', () => {
  const html = readFileSync('test/data/pages/messy.html', 'utf8');
  expect(readableText(html)).toBe(
    [
      '# Tide tables',
      '',
      'High water is 03:12 and 15:40 UTC.',
      'Low water is 09:25 and 21:51 UTC.',
      '',
      'Unclosed paragraph with nested tags, an &unknown; entity, é, 🌊 and 3 < 5.',
      '',
      '- Springs on the 4',
      '- Neaps on the 11',
      '',
      'Day | High | Low',
      'Mon | 4.1 | 0.6',
      'Tue | 4.3 | 0.5',
      '',
      ' keep   these',
      '   spaces',
      '',
      'Write to us Raw data Unquoted Anchor only [Map of the harbour]',
    ].join('\n'),
  );
});

test('links are resolved against the base element, metadata is collected', () => {
  const html = readFileSync('test/data/pages/messy.html', 'utf8');
  const { title, metadata, links, headings } = readPage(html, 'http://elsewhere.test/x');
  expect(title).toBe('Tide tables & weather — Harbour Office');
  expect(metadata).toMatchObject({ lang: 'en', canonical: 'http://elsewhere.test/tides/' });
  expect(headings).toEqual([{ level: 1, text: 'Tide tables' }]);
  expect(links).toEqual([
    { url: 'https://harbour.example/', text: 'Home' },
    { url: 'https://harbour.example/office/tides/', text: 'Tides' },
    { url: 'https://harbour.example/office/#top', text: 'Top' },
    { url: 'https://tides.example/data?port=12&day=today', text: 'Raw data' },
    { url: 'https://harbour.example/office/unquoted.html', text: 'Unquoted' },
  ]);
});

test('references resolve as in RFC 3986, 5.4', () => {
  const base = 'http://a/b/c/d;p?q';
  const cases: Record<string, string> = {
    'g:h': 'g:h',
    g: 'http://a/b/c/g',
    './g': 'http://a/b/c/g',
    'g/': 'http://a/b/c/g/',
    '/g': 'http://a/g',
    '//g': 'http://g',
    '?y': 'http://a/b/c/d;p?y',
    'g?y': 'http://a/b/c/g?y',
    '#s': 'http://a/b/c/d;p?q#s',
    ';x': 'http://a/b/c/;x',
    '': 'http://a/b/c/d;p?q',
    '.': 'http://a/b/c/',
    './': 'http://a/b/c/',
    '..': 'http://a/b/',
    '../g': 'http://a/b/g',
    '../..': 'http://a/',
    '../../../g': 'http://a/g',
    '/./g': 'http://a/g',
    '/../g': 'http://a/g',
    'g.': 'http://a/b/c/g.',
    'g/../h': 'http://a/b/c/h',
  };
  for (const [reference, wanted] of Object.entries(cases)) {
    expect(resolve(base, reference), reference).toBe(wanted);
  }
  expect(parseTarget('http://h/a b"é?q=ü|').pathWithQuery).toBe('/a%20b%22%C3%A9?q=%C3%BC%7C');
});

test('pointers after RFC 6901', () => {
  const document: unknown = { foo: ['bar', 'baz'], '': 0, 'a/b': 1, 'm~n': 8, ' ': 7 };
  const cases: [string, unknown][] = [
    ['', document],
    ['/foo/0', 'bar'],
    ['/', 0],
    ['/a~1b', 1],
    ['/m~0n', 8],
    ['/ ', 7],
  ];
  for (const [pointer, wanted] of cases) expect(follow(document, pointer)).toEqual(wanted);
  for (const bad of ['foo', '/foo/-1', '/foo/length', '/constructor']) {
    expect(() => follow(document, bad), bad).toThrow('pointer');
  }
});

test('character references', () => {
  const text = '&lt;p&gt; &amp;amp; &eacute;&#8364;&#x1F600; &nosuch; AT&T &#0; &copy';
  expect(decodeEntities(text)).toBe('<p> &amp; é€😀 &nosuch; AT&T \ufffd ©');
});
