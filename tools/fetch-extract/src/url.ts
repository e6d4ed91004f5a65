// URLs after RFC 3986, as far as fetching and resolving links need: the runtime has no URL class.

import { Problem } from '../../../wit/sdk/typescript/tool.ts';

interface Parts {
  readonly scheme: string | undefined;
  readonly authority: string | undefined;
  readonly path: string;
  readonly query: string | undefined;
  readonly fragment: string | undefined;
}

/** The generic syntax; every text has one reading. */
function split(text: string): Parts {
  const found = /^(?:([A-Za-z][A-Za-z0-9+.-]*):)?(?:\/\/([^/?#]*))?([^?#]*)(?:\?([^#]*))?(?:#(.*))?$/s.exec(text);
  const [, scheme, authority, path = '', query, fragment] = found ?? [];
  return { scheme: scheme?.toLowerCase(), authority, path, query, fragment };
}

function join(parts: Parts): string {
  const scheme = parts.scheme === undefined ? '' : `${parts.scheme}:`;
  const authority = parts.authority === undefined ? '' : `//${parts.authority}`;
  const query = parts.query === undefined ? '' : `?${parts.query}`;
  const fragment = parts.fragment === undefined ? '' : `#${parts.fragment}`;
  return scheme + authority + parts.path + query + fragment;
}

function withoutDots(path: string): string {
  const out: string[] = [];
  const segments = path.split('/');
  for (const [i, segment] of segments.entries()) {
    const last = i === segments.length - 1;
    if (segment === '..') {
      if (out.length > 1) out.pop();
      if (last) out.push('');
    } else if (segment === '.') {
      if (last) out.push('');
    } else out.push(segment);
  }
  return out.join('/');
}

/** The URL a reference names when it stands in a document at `base`. */
export function resolve(base: string, reference: string): string {
  const from = split(base);
  const to = split(reference.trim().replaceAll(/[\t\n\r]/g, ''));
  if (to.scheme !== undefined) {
    return to.authority === undefined ? join(to) : join({ ...to, path: withoutDots(to.path) });
  }
  const { fragment } = to;
  if (to.authority !== undefined) {
    return join({ ...to, scheme: from.scheme, path: withoutDots(to.path) });
  }
  if (to.path === '') return join({ ...from, query: to.query ?? from.query, fragment });
  const folder = from.path.slice(0, from.path.lastIndexOf('/') + 1) || '/';
  const path = withoutDots(to.path.startsWith('/') ? to.path : folder + to.path);
  return join({ ...from, path, query: to.query, fragment });
}

/** What a request is made of. */
export interface Target {
  readonly scheme: 'HTTP' | 'HTTPS';
  readonly authority: string;
  readonly pathWithQuery: string;
  /** The URL without fragment. */
  readonly url: string;
}

/** @throws Problem when the text is no http or https URL. */
export function parseTarget(text: string): Target {
  const parts = split(text.trim());
  if (parts.scheme !== 'http' && parts.scheme !== 'https') {
    throw new Problem(`\`${text}\` is not an http or https URL`);
  }
  const { authority } = parts;
  if (authority === undefined || !/^(\[[0-9A-Fa-f:.]+\]|[^\s@:[\]<>"^`{|}\\]+)(:\d{1,5})?$/.test(authority)) {
    throw new Problem(`\`${text}\` has no proper host`);
  }
  const escape = (part: string): string =>
    part.replaceAll(/[^!-~]|["<>\\^`{|}]/gu, (character) => encodeURIComponent(character));
  const path = escape(withoutDots(parts.path === '' ? '/' : parts.path));
  const query = parts.query === undefined ? '' : `?${escape(parts.query)}`;
  return {
    scheme: parts.scheme === 'https' ? 'HTTPS' : 'HTTP',
    authority: authority.toLowerCase(),
    pathWithQuery: path + query,
    url: `${parts.scheme}://${authority.toLowerCase()}${path}${query}`,
  };
}
