// What is known of a request besides what it says: found out by other rooms, handed in with the question.

/** What the local trust source says of a principal. */
export interface Trust {
  /** 0 to 100. */
  readonly level: number;
  readonly capabilities: readonly string[];
}

const LEVEL_MAX = 100;
const CAPABILITY = /^[a-z0-9][a-z0-9._:-]{0,63}$/;
const CAPABILITIES_MAX = 64;

/** Whether this is a level of trust: whole, 0 to 100. */
export function isTrustLevel(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= LEVEL_MAX;
}

/** Whether these are names of what somebody can be trusted with. */
export function isTrustCapabilities(value: unknown): value is readonly string[] {
  return (
    Array.isArray(value) &&
    value.length <= CAPABILITIES_MAX &&
    value.every((each) => typeof each === 'string' && CAPABILITY.test(each))
  );
}

/** What makes a call risky. It can only tighten: nothing that is refused or asked about is allowed by it. */
export interface Risk {
  readonly signals: readonly RiskSignal[];
  /** The strictest answer to any of the signals. */
  readonly verdict: 'none' | 'ask' | 'refuse';
}

/** One thing that was noticed. */
export interface RiskSignal {
  /** Stable, e.g. `secret-in-arguments`. */
  readonly name: string;
  /** For the person who is asked; holds nothing secret. */
  readonly note: string;
  /** Set when it is only noted: no reason to ask or to refuse. */
  readonly quiet?: true;
}

/** All of it; what nobody looked into is absent. */
export interface Circumstances {
  /** Absent: no source vouches for the principal. */
  readonly trust?: Trust;
  readonly risk?: Risk;
  /** Percent left in the tightest budget that covers the call. Absent: none does. */
  readonly budgetLeft?: number;
  /** Fewest uses left of the lease and those it was made from. Absent: their uses are not counted. */
  readonly usesLeft?: number;
}

/** The members of `context` these are read from. */
export type CircumstanceName = 'trust' | 'risk' | 'budget';

/** As policies see them. An unknown principal has no trust; a call without a budget has all of it left. */
export function circumstanceContext(
  { trust, risk, budgetLeft }: Circumstances,
  wanted: (name: CircumstanceName) => boolean,
): Record<string, { [name: string]: boolean | number | string[] }> {
  return {
    ...(wanted('trust')
      ? {
          trust: {
            known: trust !== undefined,
            level: trust?.level ?? 0,
            capabilities: [...(trust?.capabilities ?? [])],
          },
        }
      : {}),
    ...(wanted('risk') ? { risk: { signals: (risk?.signals ?? []).map(({ name }) => name) } } : {}),
    ...(wanted('budget') ? { budget: { left: budgetLeft ?? 100 } } : {}),
  };
}
