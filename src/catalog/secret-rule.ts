// Reads `NAME@METHOD,scheme://host/path-glob:HEADER[=TEMPLATE]`: which secret goes into which requests.

import { WarderError } from '../base/errors/errors.ts';
import type { SecretRule } from './installation.ts';
import { showText } from './names.ts';
import { formatNetRule, parseNetRule } from './net-rule.ts';

/** Where the secret stands in a template. */
export const SECRET_PLACE = '{}';

const SECRET_NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$/;
const FIELD_NAME = /^[!#$%&'*+.^_`|~0-9a-z-]{1,64}$/;
/** Fields that say where a request goes or how it is framed. */
const FRAMING = new Set([
  'connection',
  'content-length',
  'expect',
  'host',
  'keep-alive',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);
/** The first `:` behind the host that a field name and an end or a `=` follow. */
const TARGET = /^(https?:\/\/[^/]*\/.*?):([^:/=\s]+)(?:=(.*))?$/s;
const EXAMPLE =
  "for example --secret 'API_KEY@GET,https://api.example.com/v1/**:Authorization=Bearer {}'";

/** Whether a secret can have this name. */
export function isSecretName(name: string): boolean {
  return SECRET_NAME.test(name);
}

/**
 * Parses a secret rule. Without a template the field holds the secret alone.
 *
 * @throws WarderError `usage` naming what is wrong and how to write it.
 */
export function parseSecretRule(text: string): SecretRule {
  const fail = (what: string, hint: string): never => {
    throw new WarderError('usage', `the rule \`${showText(text, 120)}\` ${what}`, { hint });
  };
  const [, secret = '', methods = '', rest = ''] =
    /^([^@]*)@([^:/]*),(https?:.*)$/s.exec(text) ?? [];
  if (!isSecretName(secret)) fail('names no secret', EXAMPLE);
  const [, url = '', field = '', template = SECRET_PLACE] = TARGET.exec(rest) ?? [];
  if (url === '') fail('has no header', EXAMPLE);
  const to = parseNetRule(`${methods} ${url}`);
  if (to.host.includes('*') || to.host.includes('/')) {
    fail('goes to more than one host', 'name the one host that may have the secret');
  }
  const header = field.toLowerCase();
  if (!FIELD_NAME.test(header) || FRAMING.has(header) || header.startsWith('proxy-')) {
    fail(`has \`${showText(field)}\` for a header`, 'use Authorization, X-Api-Key or the like');
  }
  if (template.split(SECRET_PLACE).length !== 2 || !/^[ -~]{1,256}$/.test(template)) {
    fail('has a template without one `{}`', EXAMPLE);
  }
  return { secret, to, header, template };
}

/** A rule as {@link parseSecretRule} reads it. */
export function formatSecretRule({ secret, to, header, template }: SecretRule): string {
  const { methods } = to;
  const url = formatNetRule({ ...to, methods: ['GET'] }).slice('GET '.length);
  return `${secret}@${methods.join(',')},${url}:${header}=${template}`;
}
