// The claims of a lease: strict reading of their final wire form. See docs/leases.md.

import { decodeBase64url } from '../../base/encoding/base64url.ts';
import { WarderError } from '../../base/errors/errors.ts';
import { parseCapabilities } from './capability.ts';
import { parseHolderJwk } from './holder-jwk.ts';
import type { LeaseClaims } from './lease.ts';

/** Longest life of a lease, seconds. */
const TTL_MAX_SECONDS = 86_400;
/** Deepest chain. */
export const DEPTH_MAX = 4;

// prettier-ignore
const REQUIRED = [
  'iss', 'sub', 'aud', 'jti', 'iat', 'nbf', 'exp', 'tenant',
  'authorization_details', 'del_depth', 'del_max',
] as const;
// prettier-ignore
const OPTIONAL = [
  'cnf', 'task', 'max_uses', 'max_bytes', 'rate', 'max_exp', 'delegatable', 'par_hash',
] as const;
const KNOWN: ReadonlySet<string> = new Set([...REQUIRED, ...OPTIONAL]);

/** Longest window of a rate, seconds. */
const RATE_SECONDS_MAX = 86_400;
/** Last second before the year 10000. */
const TIME_MAX = 253_402_300_799;

/** Letters, marks, digits, punctuation, symbols and plain spaces: nothing that hides or reorders text. */
const TEXT = /^(?:[ -~]{1,256}|[\p{L}\p{M}\p{N}\p{P}\p{S} ]{1,256})$/u;
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
    if (!KNOWN.has(name)) {
      read.problems.push(`unknown claim ${JSON.stringify(name.slice(0, 40).toWellFormed())}`);
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
  const latest = read.optionalCount('max_exp', TIME_MAX);
  if (latest !== undefined && exp > latest) read.problems.push('`exp` is after `max_exp`');
  const uses = read.optionalCount('max_uses', Number.MAX_SAFE_INTEGER);
  const bytes = read.optionalCount('max_bytes', Number.MAX_SAFE_INTEGER);
  const rate = read.rate();
  const delegatable = read.flag('delegatable');
  const capabilities = read.capabilities();
  if (latest === undefined && capabilities.some(({ type }) => type === 'lease.refresh')) {
    read.problems.push('`lease.refresh` needs a `max_exp`');
  }
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
    authorization_details: capabilities,
    ...(task === undefined ? {} : { task }),
    ...(uses === undefined ? {} : { max_uses: uses }),
    ...(bytes === undefined ? {} : { max_bytes: bytes }),
    ...(rate === undefined ? {} : { rate }),
    ...(latest === undefined ? {} : { max_exp: latest }),
    ...(delegatable === undefined ? {} : { delegatable }),
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
    return this.count(name, 1, TIME_MAX);
  }

  optionalCount(name: string, most: number): number | undefined {
    return this.#fields[name] === undefined ? undefined : this.count(name, 1, most);
  }

  flag(name: string): boolean | undefined {
    const value = this.#fields[name];
    if (value === undefined || typeof value === 'boolean') return value;
    this.problems.push(`\`${name}\` must be true or false`);
    return undefined;
  }

  rate(): LeaseClaims['rate'] {
    const value = this.#fields['rate'];
    if (value === undefined) return undefined;
    if (typeof value === 'object' && value !== null && Object.keys(value).length === 2) {
      const { uses, seconds } = value as Readonly<Record<string, unknown>>;
      if (isCount(uses, Number.MAX_SAFE_INTEGER) && isCount(seconds, RATE_SECONDS_MAX)) {
        return Object.freeze({ uses, seconds });
      }
    }
    this.problems.push(
      `\`rate\` must be an object with \`uses\` and \`seconds\`, whole, the latter to ${RATE_SECONDS_MAX}`,
    );
    return undefined;
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
      const { jkt, jwk, conn } = value as Readonly<Record<string, unknown>>;
      if (isDigest(jkt)) return Object.freeze({ jkt });
      const key = parseHolderJwk(jwk);
      if (key !== undefined) return Object.freeze({ jwk: key });
      if (typeof conn === 'string' && CONNECTION.test(conn)) return Object.freeze({ conn });
    }
    this.problems.push(
      '`cnf` must be an object with one of `jkt` (a thumbprint), `jwk` (a public key) and `conn`',
    );
    return undefined;
  }
}

function isCount(value: unknown, most: number): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 1 && value <= most;
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
