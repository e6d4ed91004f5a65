// `trust.issuers` of config.json: whose word is taken for who a caller is.

import { isAbsolute, normalize } from 'node:path';
import {
  type IdentityAlgorithm,
  identityAlgorithms,
} from '../../trust/identity/identity-algorithm.ts';
import type { TrustedIssuer } from '../../trust/identity/identity.ts';
import type { Checker } from './checker.ts';

/** An issuer, and the agent whose socket and capabilities its people use. */
export interface IssuerConfig extends TrustedIssuer {
  /** JWKS file: absolute, or within the home. */
  readonly jwks: string;
  readonly agent: string;
}

interface NamedAgent {
  readonly principal: string;
  readonly tenant: string;
  readonly holder: string;
}

const PREFIX = /^[\x21-\x7e]{1,50}$/;
const ISSUERS_MAX = 32;

/** Reads the list; problems go to `checker`. */
export function readIssuers(
  checker: Checker,
  json: unknown,
  agents: Readonly<Record<string, NamedAgent>>,
): readonly IssuerConfig[] {
  if (!Array.isArray(json) || json.length > ISSUERS_MAX) {
    checker.problem(`\`trust.issuers\` must be a list of at most ${ISSUERS_MAX}`);
    return [];
  }
  const issuers = json.map((each, at) => readIssuer(checker, each, `trust.issuers[${at}]`, agents));
  const names = new Set(issuers.map(({ issuer }) => issuer));
  if (names.size < issuers.length) checker.problem('`trust.issuers` names one issuer twice');
  checkPrefixes(checker, issuers, agents);
  return issuers;
}

function readIssuer(
  checker: Checker,
  json: unknown,
  at: string,
  agents: Readonly<Record<string, NamedAgent>>,
): IssuerConfig {
  const fields = checker.object(json, at, [
    'issuer',
    'audience',
    'jwks',
    'algorithms',
    'principalClaim',
    'principalPrefix',
    'agent',
    'tenant',
  ]);
  const prefix = checker.text(fields['principalPrefix'], `${at}.principalPrefix`);
  if (prefix !== '' && !PREFIX.test(prefix)) {
    checker.problem(`\`${at}.principalPrefix\` must match ${PREFIX.source}`);
  }
  const jwks = checker.text(fields['jwks'], `${at}.jwks`);
  if (!isAbsolute(jwks) && normalize(jwks).startsWith('..')) {
    checker.problem(`\`${at}.jwks\` must be an absolute path, or one within the home`);
  }
  const agent = checker.text(fields['agent'], `${at}.agent`);
  checkAgent(checker, agents, agent, fields['tenant'], at);
  return {
    issuer: checker.text(fields['issuer'], `${at}.issuer`),
    audience: checker.text(fields['audience'], `${at}.audience`),
    jwks,
    algorithms: readAlgorithms(checker, fields['algorithms'], `${at}.algorithms`),
    principalClaim: checker.text(fields['principalClaim'] ?? 'sub', `${at}.principalClaim`),
    principalPrefix: prefix,
    agent,
  };
}

function readAlgorithms(checker: Checker, json: unknown, at: string): readonly IdentityAlgorithm[] {
  const algorithms = checker.names(json, at, identityAlgorithms);
  if (Array.isArray(json) && json.length === 0) checker.problem(`\`${at}\` is empty`);
  return algorithms;
}

function checkAgent(
  checker: Checker,
  agents: Readonly<Record<string, NamedAgent>>,
  name: string,
  tenant: unknown,
  at: string,
): void {
  const agent = agents[name];
  if (agent === undefined) {
    if (name !== '') checker.problem(`\`${at}.agent\` names no agent of \`agents\``);
    return;
  }
  if (tenant !== undefined && tenant !== agent.tenant) {
    checker.problem(`\`${at}.tenant\` is not the tenant of agent \`${name}\``);
  }
  if (agent.holder === 'dpop') {
    checker.problem(`\`${at}.agent\`: agent \`${name}\` takes leases bound to a key only`);
  }
}

/** No two names of principals may come out alike, whatever the issuers say. */
function checkPrefixes(
  checker: Checker,
  issuers: readonly IssuerConfig[],
  agents: Readonly<Record<string, NamedAgent>>,
): void {
  const others = ['operator', ...Object.values(agents).map(({ principal }) => principal)];
  for (const [at, { principalPrefix: prefix }] of issuers.entries()) {
    const place = `\`trust.issuers[${at}].principalPrefix\``;
    if (prefix === '') continue;
    for (const [before, { principalPrefix: other }] of issuers.slice(0, at).entries()) {
      if (other !== '' && (other.startsWith(prefix) || prefix.startsWith(other))) {
        checker.problem(`${place} overlaps with that of \`trust.issuers[${before}]\``);
      }
    }
    const taken = others.find((principal) => principal.startsWith(prefix));
    if (taken !== undefined) checker.problem(`${place}: \`${taken}\` begins like that already`);
  }
}
