// What a declared rule says, read and checked. `compile-rule.ts` makes Cedar of it.

import type { SubjectField } from '../limits/budget.ts';
import type { Capability } from '../../trust/lease/lease.ts';

/** `limit` gives nothing and forbids nothing by itself: it only counts. */
export type RuleEffect = 'allow' | 'require-approval' | 'deny' | 'limit';

/** What a rule is about. */
export type RuleSubject = 'calls' | 'leases' | 'both';

/** What a call can reach, or a lease names: the types of capabilities, and a tool's own store. */
export type Kind = Capability['type'] | 'kv';

/** What a rule can select by. */
export type SelectorField =
  | 'agents'
  | 'principals'
  | 'tenants'
  | 'tools'
  | 'installations'
  | 'categories'
  | 'credentials'
  | 'kinds';

/** A list of names, in which `*` stands for any text; one that fits suffices. */
export interface Selector {
  readonly field: SelectorField;
  readonly names: readonly string[];
}

/** The most that something may reach. What is absent is not bounded. */
export interface CeilingTerms {
  readonly capabilities?: readonly Capability[];
  /** Whether a tool's own store is within. */
  readonly kv: boolean;
  /** Only these are measured; all when absent. */
  readonly kinds?: readonly Kind[];
  /** Longest life of a lease. */
  readonly seconds?: number;
}

/** A part of the week in the time of a zone. Overnight it belongs to the day it starts on. */
export interface WindowTerms {
  /** 1 (Monday) to 7, sorted; none absent. */
  readonly days: readonly number[];
  /** Minutes since midnight; `to` is 1 to 1440, not in the window, and before `from` overnight. */
  readonly from: number;
  readonly to: number;
  readonly zone: string;
}

/** The least a principal must have of the local trust source. */
export interface TrustTerms {
  /** 0 to 100. */
  readonly level: number;
  readonly capabilities: readonly string[];
}

/** All of which must hold. */
export interface Terms {
  readonly ceiling?: CeilingTerms;
  readonly trust?: TrustTerms;
  readonly when?: WindowTerms;
}

/** How many calls in each period. */
export interface RateTerms {
  readonly calls: number;
  readonly per: 'minute' | 'hour' | 'day';
  readonly zone?: string;
  /** Facts that each have the whole amount to themselves. */
  readonly each: readonly SubjectField[];
}

export interface DeclaredRule {
  readonly name: string;
  readonly effect: RuleEffect;
  readonly applies: RuleSubject;
  /** Why a person is asked. */
  readonly reason?: string;
  /** What a refused agent is told. */
  readonly hint?: string;
  /** How many persons have to say yes; one when absent. */
  readonly approvals?: number;
  /** All of them must fit. */
  readonly selectors: readonly Selector[];
  readonly when?: WindowTerms;
  /** What the rule gives at most, and to whom: beyond it an `allow` says nothing, an approval is no use. */
  readonly ceiling?: CeilingTerms;
  readonly trust?: TrustTerms;
  /** When all of it holds, the rule does not. */
  readonly unless?: Terms;
  readonly rate?: RateTerms;
  /** Of its object in its file, from 1. */
  readonly line: number;
}
