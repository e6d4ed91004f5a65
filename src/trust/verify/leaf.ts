// Reading a leaf: an in-toto Statement v1 in canonical JSON that says what one receipt is about.

import { isJsonObject, type Json, type JsonObject } from '../../base/encoding/json.ts';
import { parseCanonicalJson } from '../../base/encoding/parse-json.ts';
import { WarderError } from '../../base/errors/errors.ts';
import { MAX_LEAF_BYTES } from './tiles.ts';

/** The statement's `_type`. */
export const STATEMENT_TYPE = 'https://in-toto.io/Statement/v1';
/** The statement's `predicateType`; under a name nobody can own, and never fetched. */
export const PREDICATE_TYPE = 'https://warder.invalid/receipt/v1';

/** SHA-256 over a 16-byte salt and the canonical JSON of a value, 64 hex digits. */
export type Commitment = string;

/** One thing a tool did, as the leaf shows it. */
export interface ReceiptEffect {
  readonly kind: string;
  readonly state: string;
  readonly count: number;
  readonly bytes: number;
  readonly target: Commitment;
}

/** What the leaf states. Members of later versions stay in it unread. */
export interface ReceiptPredicate {
  readonly id: string;
  readonly type: string;
  readonly outcome: string;
  readonly tenant: string;
  /** RFC 3339, UTC, milliseconds. */
  readonly time: string;
  /** 128 random bits, hex: nobody finds the leaf by guessing its content. */
  readonly nonce: string;
  readonly assurance: string;
  readonly jail: string;
  readonly tool?: string;
  readonly installation?: { readonly id: string; readonly digest: string };
  readonly operator?: true;
  readonly lease?: string;
  readonly task?: string;
  readonly approval?: string;
  readonly code?: string;
  readonly commitments?: Readonly<Record<string, Commitment>>;
  readonly decision?: {
    readonly effect: string;
    readonly rules: readonly string[];
    readonly policy: Commitment;
    readonly latencyUs: number;
  };
  /** What made the call risky, and what was done about it. */
  readonly risk?: { readonly verdict: string; readonly signals: readonly string[] };
  readonly effects?: readonly ReceiptEffect[];
  readonly usage?: Readonly<Record<string, number>>;
  readonly detail?: JsonObject;
}

/** The whole leaf. */
export interface ReceiptStatement {
  readonly _type: typeof STATEMENT_TYPE;
  readonly subject: readonly [
    { readonly name: string; readonly digest: { readonly sha256: string } },
  ];
  readonly predicateType: typeof PREDICATE_TYPE;
  readonly predicate: ReceiptPredicate;
}

/**
 * Reads leaf bytes. Says nothing about whether they stand in a log.
 *
 * @throws WarderError `malformed` for what is not canonical JSON, too long, or lacks a member; every
 *   bad member is named.
 */
export function parseLeaf(bytes: Uint8Array): ReceiptStatement {
  const statement = parseCanonicalJson(bytes, { maxBytes: MAX_LEAF_BYTES, maxDepth: 16 });
  const bad = badMembers(statement);
  if (bad.length > 0) {
    throw new WarderError('malformed', `not a receipt: ${bad.slice(0, 8).join(', ')}`, {
      data: { members: bad },
    });
  }
  return statement as unknown as ReceiptStatement;
}

const SHA256 = /^[0-9a-f]{64}$/;
const WORD = /^[a-z][a-z-]{0,31}$/;
const TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$/;
// oxlint-disable-next-line no-control-regex -- control characters are what is refused
const SHORT = /^[^\u0000-\u001f]{1,256}$/;

type Test = (value: Json | undefined) => boolean;

const matches =
  (pattern: RegExp): Test =>
  (value) =>
    typeof value === 'string' && pattern.test(value);
const optional =
  (test: Test): Test =>
  (value) =>
    value === undefined || test(value);
const count: Test = (value) => Number.isSafeInteger(value) && (value as number) >= 0;
const eachOf =
  (test: Test): Test =>
  (value) =>
    isJsonObject(value) && Object.values(value).every(test);
const listOf =
  (test: Test): Test =>
  (value) =>
    Array.isArray(value) && (value as readonly Json[]).every(test);
const shape = (members: Readonly<Record<string, Test>>): Test => {
  const tests = Object.entries(members);
  return (value) => isJsonObject(value) && tests.every(([name, test]) => test(value[name]));
};

const ENTRY = shape({ name: matches(SHORT), digest: shape({ sha256: matches(SHA256) }) });

const PREDICATE = Object.entries<Test>({
  id: matches(/^(?:[a-z]{1,16}_)?[0-7][0-9A-HJKMNP-TV-Z]{25}$/),
  type: matches(WORD),
  outcome: matches(WORD),
  tenant: matches(/^[a-z0-9-]{1,32}$/),
  time: (value) =>
    typeof value === 'string' && TIME.test(value) && !Number.isNaN(Date.parse(value)),
  nonce: matches(/^[0-9a-f]{32}$/),
  assurance: matches(WORD),
  jail: matches(WORD),
  tool: optional(matches(SHORT)),
  installation: optional(shape({ id: matches(SHORT), digest: matches(SHORT) })),
  operator: optional((value) => value === true),
  lease: optional(matches(SHORT)),
  task: optional(matches(SHORT)),
  approval: optional(matches(SHORT)),
  code: optional(matches(SHORT)),
  commitments: optional(eachOf(matches(SHA256))),
  decision: optional(
    shape({
      effect: matches(WORD),
      rules: listOf(matches(SHORT)),
      policy: matches(SHA256),
      latencyUs: count,
    }),
  ),
  risk: optional(shape({ verdict: matches(WORD), signals: listOf(matches(WORD)) })),
  effects: optional(
    listOf(
      shape({
        kind: matches(WORD),
        state: matches(WORD),
        count,
        bytes: count,
        target: matches(SHA256),
      }),
    ),
  ),
  usage: optional(eachOf((value) => typeof value === 'number')),
  detail: optional(isJsonObject),
});

/** What is wrong with it, by name. */
function badMembers(statement: Json): string[] {
  if (!isJsonObject(statement)) return ['it is no object'];
  const bad: string[] = [];
  if (statement['_type'] !== STATEMENT_TYPE) bad.push('`_type`');
  if (statement['predicateType'] !== PREDICATE_TYPE) bad.push('`predicateType`');
  const { subject, predicate } = statement;
  if (!Array.isArray(subject) || subject.length !== 1 || !ENTRY(subject[0])) bad.push('`subject`');
  if (!isJsonObject(predicate)) return [...bad, '`predicate`'];
  for (const [name, test] of PREDICATE) {
    if (!test(predicate[name])) bad.push(`\`predicate.${name}\``);
  }
  return bad;
}
