// From the gate's facts to leaf bytes and openings. The format is frozen; docs/receipt-format.md is its text.

import { hash } from 'node:crypto';
import { canonicalBytes, canonicalJson } from '../../base/encoding/jcs.ts';
import type { JsonObject } from '../../base/encoding/json.ts';
import { WarderError } from '../../base/errors/errors.ts';
import { SALT_SIZE } from '../verify/commitment.ts';
import {
  PREDICATE_TYPE,
  type ReceiptPredicate,
  type ReceiptStatement,
  STATEMENT_TYPE,
} from '../verify/leaf.ts';
import { MAX_LEAF_BYTES } from '../verify/tiles.ts';
import { foldEffects } from './fold-effects.ts';
import type { ReceiptFacts } from './leaf.ts';
import { commit, type KeptOpening, type Openings } from './openings.ts';

/** A leaf and what opens its commitments. */
export interface BuiltLeaf {
  readonly bytes: Uint8Array;
  readonly openings: Openings;
}

/** Longest text shown as it is, UTF-8 bytes. */
const SHOWN_TEXT = 256;
const SHOWN_RULES = 16;
const SHOWN_RULE_TEXT = 96;
const SHOWN_USAGE = 16;
const SHOWN_SIGNALS = 16;
/** Longest canonical `detail` shown; a longer one is committed to. */
const SHOWN_DETAIL = 1024;

/**
 * Builds the leaf of one receipt.
 *
 * @param random gives that many random bytes; 128 of its bits make the leaf unguessable, 128 salt each
 *   commitment.
 */
export function buildLeaf(facts: ReceiptFacts, random: (bytes: number) => Uint8Array): BuiltLeaf {
  const effects = foldEffects(facts.effects ?? []);
  const salts = new Salts(random, effects.length + (facts.spend === undefined ? 0 : 1));
  const nonce = salts.next();
  const fields = new Commitments(salts);
  const { decision } = facts;
  const opened: KeptOpening[] = [];

  fields.add('principal', facts.principal);
  fields.add('arguments', facts.arguments);
  fields.add('result', facts.result);
  fields.add('reason', facts.reason);
  const policy = fields.make('policy', decision?.policyDigest);
  if ((decision?.rules.length ?? 0) > SHOWN_RULES) fields.add('rules', decision?.rules);
  const showDetail = isShort(facts.detail);
  if (!showDetail) fields.add('detail', facts.detail);
  fields.add('spend', facts.spend);

  const predicate: ReceiptPredicate = {
    id: facts.id,
    type: facts.type,
    outcome: facts.outcome,
    tenant: facts.tenant,
    time: new Date(facts.time).toISOString(),
    nonce: Buffer.from(nonce).toString('hex'),
    assurance: facts.assurance,
    jail: facts.jail,
    ...shown('tool', facts.tool),
    ...shown('lease', facts.lease),
    ...shown('task', facts.task),
    ...shown('approval', facts.approval),
    ...shown('code', facts.code),
    ...(facts.operator === true ? { operator: true } : {}),
    ...(facts.installation === undefined
      ? {}
      : {
          installation: {
            id: showText(facts.installation.id, SHOWN_TEXT),
            digest: showText(facts.installation.digest, SHOWN_TEXT),
          },
        }),
    ...(decision === undefined || policy === undefined
      ? {}
      : {
          decision: {
            effect: decision.effect,
            rules: decision.rules
              .slice(0, SHOWN_RULES)
              .map((rule) => showText(rule, SHOWN_RULE_TEXT)),
            policy,
            latencyUs: whole(decision.latencyUs),
          },
        }),
    ...(facts.risk === undefined
      ? {}
      : {
          risk: {
            verdict: facts.risk.verdict,
            signals: facts.risk.signals.slice(0, SHOWN_SIGNALS),
          },
        }),
    ...(effects.length === 0
      ? {}
      : {
          effects: effects.map(({ kind, state, count, bytes, target }) => {
            const { commitment, opening } = commit(salts.next(), target);
            opened.push(opening);
            return { kind, state, count: whole(count), bytes: whole(bytes), target: commitment };
          }),
        }),
    ...(facts.usage === undefined ? {} : { usage: showUsage(facts.usage) }),
    ...(facts.detail === undefined || !showDetail ? {} : { detail: facts.detail }),
    ...fields.member(),
  };
  const statement: ReceiptStatement = {
    _type: STATEMENT_TYPE,
    subject: [
      {
        name: showText(facts.subject.name, SHOWN_TEXT),
        digest: { sha256: facts.subject.sha256 },
      },
    ],
    predicateType: PREDICATE_TYPE,
    predicate,
  };
  const bytes = canonicalBytes(statement);
  if (bytes.length > MAX_LEAF_BYTES) {
    throw new WarderError('internal', `a leaf of ${bytes.length} bytes`);
  }
  return { bytes, openings: { fields: fields.openings, effects: opened } };
}

/** All randomness of a leaf, drawn at once. */
class Salts {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(random: (bytes: number) => Uint8Array, more: number) {
    // The nonce, at most seven fields, then what few leaves have: the price, and one for each effect.
    this.#bytes = random((8 + more) * SALT_SIZE);
    if (this.#bytes.length < (8 + more) * SALT_SIZE) {
      throw new WarderError('internal', 'too little randomness for a leaf');
    }
  }

  next(): Uint8Array {
    this.#at += SALT_SIZE;
    // A commitment without a salt could be guessed.
    if (this.#at > this.#bytes.length) throw new WarderError('internal', 'a leaf ran out of salts');
    return this.#bytes.subarray(this.#at - SALT_SIZE, this.#at);
  }
}

class Commitments {
  readonly openings: Record<string, KeptOpening> = Object.create(null) as Record<
    string,
    KeptOpening
  >;
  readonly #commitments: Record<string, string> = {};
  readonly #salts: Salts;

  constructor(salts: Salts) {
    this.#salts = salts;
  }

  /** Commits to a fact that is there; its commitment goes among the leaf's `commitments`. */
  add(name: string, value: unknown): void {
    const commitment = this.make(name, value);
    if (commitment !== undefined) this.#commitments[name] = commitment;
  }

  /** Commits to a fact whose commitment goes elsewhere in the leaf. */
  make(name: string, value: unknown): string | undefined {
    if (value === undefined) return undefined;
    const { commitment, opening } = commit(this.#salts.next(), value);
    this.openings[name] = opening;
    return commitment;
  }

  member(): Pick<ReceiptPredicate, 'commitments'> {
    return Object.keys(this.#commitments).length === 0 ? {} : { commitments: this.#commitments };
  }
}

function shown(name: string, text: string | undefined): Record<string, string> {
  return text === undefined ? {} : { [name]: showText(text, SHOWN_TEXT) };
}

/** A text the leaf can show, or the digest that stands for it. */
function showText(text: string, most: number): string {
  // oxlint-disable-next-line no-control-regex -- control characters are what is refused
  const plain = text !== '' && !/[\u0000-\u001f]/.test(text) && text.isWellFormed();
  if (plain && text.length <= most && Buffer.byteLength(text) <= most) return text;
  return `sha256:${hash('sha256', text.toWellFormed())}`;
}

function showUsage(usage: Readonly<Record<string, number>>): Record<string, number> {
  const finite = Object.entries(usage).filter(([, value]) => Number.isFinite(value));
  return Object.fromEntries(finite.slice(0, SHOWN_USAGE));
}

function isShort(detail: JsonObject | undefined): boolean {
  if (detail === undefined) return true;
  try {
    return Buffer.byteLength(canonicalJson(detail)) <= SHOWN_DETAIL;
  } catch {
    return false;
  }
}

function whole(value: number): number {
  return Number.isFinite(value) ? Math.min(Math.max(0, Math.trunc(value)), 2 ** 53 - 1) : 0;
}
