// What an operator should know of the secret rules just granted.

import type { Grant, SecretRule } from '../../../catalog/installation.ts';
import { formatSecretRule } from '../../../catalog/secret-rule.ts';

/** One line each; none when nothing was added. */
export function secretNotes(
  isSet: (name: string) => boolean,
  grant: Grant,
  before?: Grant,
): readonly string[] {
  const known = new Set(before?.secrets.map((rule) => formatSecretRule(rule)));
  const added = grant.secrets.filter((rule) => !known.has(formatSecretRule(rule)));
  if (added.length === 0) return [];
  const names = [...new Set(added.map(({ secret }) => secret))];
  const missing = names.filter((name) => !isSet(name));
  const clear = added.filter(({ to }) => to.scheme === 'http' && !isLoopback(to.host));
  return [
    ...missing.map(
      (name) =>
        `there is no secret \`${name}\` yet: requests that need it are refused until ` +
        `\`warder secret set ${name}\``,
    ),
    ...clear.map((rule) => `\`${rule.secret}\` would travel unencrypted to ${originOf(rule)}`),
    ...(grant.allowNet.length === 0
      ? ['a secret rule allows no request by itself: grant `--allow-net` as well']
      : []),
    `${[...new Set(added.map(originOf))].join(', ')}: an origin that echoes what it is sent shows ` +
      'the secret to the tool; warder masks what it recognises, which is best effort',
    `only agents whose capabilities say so send them: {"type":"credential","names":` +
      `${JSON.stringify(names)}} in config.json`,
  ];
}

function originOf({ to }: SecretRule): string {
  return `${to.scheme}://${to.host.includes(':') ? `[${to.host}]` : to.host}:${to.port}`;
}

function isLoopback(host: string): boolean {
  return host === '::1' || /^127(?:\.\d{1,3}){3}$/.test(host);
}
