// The claims of a lease: strict reading of their final wire form. See docs/leases.md.

import { decodeBase64url } from '../../base/encoding/base64url.ts';
import { WarderError } from '../../base/errors/errors.ts';
import { parseCapabilities } from './capability.ts';
import type { LeaseClaims } from './lease.ts';

/** Longest life of a lease, seconds. */
const TTL_MAX_SECONDS = 86_400;
/** Deepest chain. */
const DEPTH_MAX = 4;

// prettier-ignore
const REQUIRED = [
  'iss', 'sub', 'aud', 'jti', 'iat', 'nbf', 'exp', 'tenant',
  'authorization_details', 'del_depth', 'del_max',
] as const;
const OPTIONAL = ['cnf', 'task', 'max_uses', 'par_hash'] as const;

/** Letters, marks, digits, punctuation, symbols and plain spaces: nothing that hides or reorders text. */
const TEXT = /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]{1,256}$/u;
const TENANT = /^[a-z0-9-]{1,32}$/;
const JTI = /^[A-Za-z0-9_-]{16,64}$/;
const CONNECTION = /^[A-Za-z0-9_-]{1,64}$/;

/**
 * Reads claims. Whether they hold now and here (`exp`, `aud`, depth) is not asked.
 *
 * @returns the claims, deeply frozen, with the members in one order.
 * @throws WarderError `malformed` that lists every bad claim; also in `data.problems`.
 */
export function parseClaims(json: unknown): LeaseClaims {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) refuse(['not an object']);
  const fields = json as Readonly<Record<string, unknown>>;
  const read = new ClaimReader(fields);
  for (const name of Object.keys(fields)) {
    if (![...REQUIRED, ...OPTIONAL].includes(name as (typeof REQUIRED)[number])) {
      read.problems.push(`unknown claim ${JSON.stringify(name.slice(0, 40))}`);
    }
  }
  const iat = read.time('iat');
  const nbf = read.time('nbf');
  const exp = read.time('exp');
  if (nbf < iat) read.problems.push('`nbf` is before `iat`');
  if (exp <= nbf) read.problems.push('`exp` is not after `nbf`');
  if (exp - iat > TTL_MAX_SECONDS) {
    read.problems.push(`a lease lives at most ${TTL_MAX_SECONDS} seconds`);
  }
  const depth = read.count('del_depth', 0, DEPTH_MAX);
  const deepest = read.count('del_max', 0, DEPTH_MAX);
  if (depth > deepest) read.problems.push('`del_depth` is beyond `del_max`');
  const parent = read.parentHash();
  if ((parent === undefined) !== (depth === 0)) {
    read.problems.push('`par_hash` belongs to delegated leases, and to each of them');
  }
  const cnf = read.confirmation();
  const task = fields['task'] === undefined ? undefined : read.text('task', TEXT);
  const uses =
    fields['max_uses'] === undefined
      ? undefined
      : read.count('max_uses', 1, Number.MAX_SAFE_INTEGER);
  const claims: LeaseClaims = {
    iss: read.text('iss', TEXT),
    sub: read.text('sub', TEXT),
    aud: read.text('aud', TEXT),
    jti: read.text('jti', JTI),
    iat,
    nbf,
    exp,
    tenant: read.text('tenant', TENANT),
    ...(cnf === undefined ? {} : { cnf }),
    authorization_details: read.capabilities(),
    ...(task === undefined ? {} : { task }),
    ...(uses === undefined ? {} : { max_uses: uses }),
    ...(parent === undefined ? {} : { par_hash: parent }),
    del_depth: depth,
    del_max: deepest,
  };
  if (read.problems.length > 0) refuse(read.problems);
  return Object.freeze(claims);
}

class ClaimReader {
  readonly problems: string[] = [];
  readonly #fields: Readonly<Record<string, unknown>>;

  constructor(fields: Readonly<Record<string, unknown>>) {
    this.#fields = fields;
  }

  text(name: string, form: RegExp): string {
    const value = this.#fields[name];
    if (typeof value === 'string' && form.test(value)) return value;
    this.problems.push(`\`${name}\` must match ${form.source}`);
    return '';
  }

  time(name: string): number {
    // Whole seconds well before the year 10000: every date library agrees on these.
    return this.count(name, 1, 253_402_300_799);
  }

  count(name: string, least: number, most: number): number {
    const value = this.#fields[name];
    if (
      typeof value === 'number' &&
      Number.isSafeInteger(value) &&
      value >= least &&
      value <= most
    ) {
      return value;
    }
    this.problems.push(`\`${name}\` must be a whole number from ${least} to ${most}`);
    return least;
  }

  capabilities(): LeaseClaims['authorization_details'] {
    try {
      return parseCapabilities(this.#fields['authorization_details']);
    } catch (error) {
      this.problems.push(
        `\`authorization_details\`: ${error instanceof Error ? error.message : String(error)}`,
      );
      return [];
    }
  }

  parentHash(): string | undefined {
    const value = this.#fields['par_hash'];
    if (value === undefined || isDigest(value)) return value;
    this.problems.push('`par_hash` must be 32 bytes in base64url');
    return undefined;
  }

  confirmation(): LeaseClaims['cnf'] {
    const value = this.#fields['cnf'];
    if (value === undefined) return undefined;
    if (typeof value === 'object' && value !== null && Object.keys(value).length === 1) {
      const { jkt, conn } = value as Readonly<Record<string, unknown>>;
      if (isDigest(jkt)) return Object.freeze({ jkt });
      if (typeof conn === 'string' && CONNECTION.test(conn)) return Object.freeze({ conn });
    }
    this.problems.push('`cnf` must be an object with `jkt` (a thumbprint) or `conn` alone');
    return undefined;
  }
}

function isDigest(value: unknown): value is string {
  if (typeof value !== 'string' || value.length !== 43) return false;
  try {
    return decodeBase64url(value).length === 32;
  } catch {
    return false;
  }
}

function refuse(problems: readonly string[]): never {
  throw new WarderError('malformed', `not the claims of a lease: ${problems.join('; ')}`, {
    hint: 'see docs/leases.md for the claims',
    data: { problems },
  });
}
