// What an agent writes when it asks for a lease, previews or delegates one: read strictly, every fault told.

import { isJsonObject, type Json } from '../../base/encoding/json.ts';
import { WarderError } from '../../base/errors/errors.ts';
import { didYouMean, showText } from '../../catalog/names.ts';
import { parseCapabilities } from '../../trust/lease/capability.ts';
import { parseHolderJwk } from '../../trust/lease/holder-jwk.ts';
import type { Capability, HolderJwk } from '../../trust/lease/lease.ts';
import type { AskedLimits } from '../../trust/lease/lease-request.ts';

/** What is asked for, as read. */
export interface AskedTerms extends AskedLimits {
  readonly task?: string;
  readonly capabilities?: readonly Capability[];
  readonly ttlSeconds?: number;
  readonly reason?: string;
  /** Whose the lease is to be; the connection's when absent. */
  readonly holder?: HolderJwk;
}

/** Names on the wire, spelled like the claims of a lease. */
const LIMITS = {
  max_uses: 'maxUses',
  max_bytes: 'maxBytes',
  rate: 'rate',
  max_exp: 'maxExp',
  delegatable: 'delegatable',
  max_depth: 'maxDepth',
} as const;
const TERMS = ['task', 'capabilities', 'ttl_seconds', 'reason', 'holder_key'] as const;
const KNOWN: readonly string[] = [...TERMS, ...Object.keys(LIMITS)];
const PROBLEMS_MAX = 16;

/**
 * Reads the members of a request. Whether numbers and texts are such as a lease can have, the book says.
 *
 * @param required members that have to be there.
 * @throws WarderError `malformed`, with what is wrong in `data.problems`.
 */
export function parseAskedTerms(
  json: Json,
  required: readonly (typeof TERMS)[number][],
): AskedTerms {
  const problems: string[] = [];
  if (!isJsonObject(json)) return malformed(['it is no object']);
  for (const name of Object.keys(json)) {
    if (problems.length >= PROBLEMS_MAX) break;
    if (KNOWN.includes(name)) continue;
    const near = didYouMean(name, KNOWN);
    const remedy = near === undefined ? '' : `; did you mean \`${near}\`?`;
    problems.push(`unknown member \`${showText(name)}\`${remedy}`);
  }
  for (const name of required) {
    if (json[name] === undefined) problems.push(`\`${name}\` is missing`);
  }
  const terms: Record<string, unknown> = {};
  for (const name of ['task', 'reason'] as const) {
    const value = json[name];
    if (value === undefined) continue;
    if (typeof value === 'string') terms[name] = value;
    else problems.push(`\`${name}\` is a text`);
  }
  const seconds = json['ttl_seconds'];
  if (typeof seconds === 'number') terms['ttlSeconds'] = seconds;
  else if (seconds !== undefined) problems.push('`ttl_seconds` is a whole number');
  if (json['capabilities'] !== undefined) {
    try {
      terms['capabilities'] = parseCapabilities(json['capabilities']);
    } catch (error) {
      if (!(error instanceof WarderError)) throw error;
      problems.push(`\`capabilities\`: ${error.message}`);
    }
  }
  if (json['holder_key'] !== undefined) {
    terms['holder'] = parseHolderJwk(json['holder_key']);
    if (terms['holder'] === undefined) {
      problems.push('`holder_key` is a public P-256 or Ed25519 JWK, without any other member');
    }
  }
  for (const [wire, name] of Object.entries(LIMITS)) {
    if (json[wire] !== undefined) terms[name] = json[wire];
  }
  if (problems.length > 0) malformed(problems);
  // Limits are checked by the book, by type and bounds.
  return terms;
}

function malformed(problems: readonly string[]): never {
  throw new WarderError('malformed', `not a request for a lease: ${problems.join('; ')}`, {
    hint: 'see docs/leases.md, "Asking for a lease"',
    data: { problems },
  });
}
