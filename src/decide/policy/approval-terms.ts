// What a person's yes is limited to: read strictly, and laid over what the call could reach. It only narrows.

import { WarderError } from '../../base/errors/errors.ts';
import { parseGrantFlags } from '../../catalog/grant-flags.ts';
import type { CallLimits } from '../../catalog/installation.ts';
import { activeCapabilities, firstEnd } from '../../trust/lease/action.ts';
import { type Capability, parseCapabilities } from '../../trust/lease/capability.ts';
import { narrowDirectories, narrowNet, narrowSecrets } from './narrowing.ts';
import { sealPart } from './permit.ts';
import type { ShownReach } from './reach.ts';

/** What a yes can take away whole. */
export type Withheld = 'net' | 'write' | 'kv' | 'secrets';
/** Bounds a yes can lower. */
type TermLimit = 'outputBytes' | 'netBytes' | 'requests' | 'writeBytes' | 'timeoutMs';
type TermLimits = Readonly<Partial<Record<TermLimit, number>>>;

/** The terms of one yes. What is absent limits nothing. */
export interface ApprovalTerms {
  /** The only network, files and secrets the call may use; an empty list: none. */
  readonly capabilities?: readonly Capability[];
  readonly without?: readonly Withheld[];
  readonly limits?: TermLimits;
  /** The call has to start within so many seconds of the yes. */
  readonly withinSeconds?: number;
}

/** Terms as an operator gives them. */
export interface GivenTerms {
  /** Parsed JSON, not yet narrowed. */
  readonly capabilities?: unknown;
  readonly without?: readonly string[];
  /** Words of grant flags, e.g. `--max-output`, `16KiB`. */
  readonly limits?: readonly string[];
  readonly withinSeconds?: number;
}

const withheld: readonly Withheld[] = ['net', 'write', 'kv', 'secrets'];
const TERM_LIMITS: Readonly<Record<string, TermLimit>> = {
  outputBytes: 'outputBytes',
  netBytes: 'netBytes',
  requests: 'requests',
  writeBytes: 'writeBytes',
  timeoutMs: 'timeoutMs',
};
const TERM_FLAGS = '--max-output, --max-net, --max-requests, --max-write, --timeout';
/** Types of capabilities that bound a reach; what the call is and costs, the person has seen. */
const REACHING: ReadonlySet<string> = new Set(['http.call', 'fs.read', 'fs.write', 'credential']);
/** A yes holds for ten minutes at most. */
const WITHIN_MAX = 600;

/**
 * Reads terms.
 *
 * @returns the same, frozen; undefined when nothing was given.
 * @throws WarderError `malformed` for bad capabilities; `usage` for any other term that does not fit.
 */
export function parseTerms(given: GivenTerms): ApprovalTerms | undefined {
  const { without = [], limits = [], withinSeconds } = given;
  const terms: { -readonly [Key in keyof ApprovalTerms]: ApprovalTerms[Key] } = {};
  if (given.capabilities !== undefined) terms.capabilities = reaching(given.capabilities);
  if (without.length > 0) terms.without = withheld.filter((each) => isListed(each, without));
  if (limits.length > 0) terms.limits = lowered(limits);
  if (withinSeconds !== undefined) {
    if (!(Number.isSafeInteger(withinSeconds) && withinSeconds >= 1 && withinSeconds <= WITHIN_MAX))
      throw unfit(`\`within\` is a whole number of seconds from 1 to ${WITHIN_MAX}`);
    terms.withinSeconds = withinSeconds;
  }
  return Object.keys(terms).length === 0 ? undefined : sealPart(terms);
}

/** A reach as far as every one of the terms lets it: a part of it, never more. */
export function narrowReach<Wide extends ShownReach>(
  reach: Wide,
  terms: readonly ApprovalTerms[],
  now: number,
): Wide {
  return terms.reduce((wide, one) => ({ ...wide, ...narrowOnce(wide, one, now) }), reach);
}

/** When the first capability of the terms that holds now ends, wall milliseconds. */
export function endOfTerms(terms: readonly ApprovalTerms[], now: number): number {
  return firstEnd(terms.flatMap(({ capabilities = [] }) => activeCapabilities(capabilities, now)));
}

function narrowOnce(
  reach: ShownReach,
  terms: ApprovalTerms,
  now: number,
): Omit<ShownReach, 'denyNet'> {
  const { without = [], limits = {} } = terms;
  const only = terms.capabilities && activeCapabilities(terms.capabilities, now);
  const isOut = (what: Withheld): boolean => without.includes(what);
  const { allowNet, read, write, secrets } = reach;
  return {
    allowNet: isOut('net') ? [] : only ? narrowNet(allowNet, only) : allowNet,
    read: only ? narrowDirectories(read, 'fs.read', only) : read,
    write: isOut('write') ? [] : only ? narrowDirectories(write, 'fs.write', only) : write,
    kv: reach.kv && !isOut('kv'),
    secrets: isOut('secrets') ? [] : only ? narrowSecrets(secrets, only) : secrets,
    limits: lowest(reach.limits, limits),
  };
}

function lowest(granted: CallLimits, terms: TermLimits): CallLimits {
  const lower = Object.entries(terms).map(([name, value]) => {
    const limit = name as TermLimit;
    return [limit, Math.min(granted[limit], value)] as const;
  });
  return { ...granted, ...Object.fromEntries(lower) };
}

function reaching(json: unknown): readonly Capability[] {
  const capabilities = parseCapabilities(json);
  const other = capabilities.find(({ type }) => !REACHING.has(type));
  if (other === undefined) return capabilities;
  throw unfit(
    `a yes to a call is not narrowed by \`${other.type}\`: the call is approved as it stands`,
  );
}

function lowered(words: readonly string[]): TermLimits {
  const limits: Partial<Record<TermLimit, number>> = {};
  for (const entry of parseGrantFlags(words).entries) {
    const limit = entry.flag === 'limit' ? TERM_LIMITS[entry.limit] : undefined;
    if (entry.flag !== 'limit' || limit === undefined) {
      throw unfit('a yes lowers only some limits');
    }
    limits[limit] = Math.min(limits[limit] ?? Infinity, entry.value);
  }
  return limits;
}

function isListed(each: Withheld, without: readonly string[]): boolean {
  const unknown = without.find((name) => !withheld.some((known) => known === name));
  if (unknown !== undefined) throw unfit(`a yes cannot withhold \`${unknown.slice(0, 40)}\``);
  return without.includes(each);
}

function unfit(message: string): WarderError {
  return new WarderError('usage', message, {
    hint:
      `terms are capabilities of ${[...REACHING].join(', ')}; ${withheld.join(', ')} withheld; ` +
      `${TERM_FLAGS}; or a time to use it within`,
  });
}
