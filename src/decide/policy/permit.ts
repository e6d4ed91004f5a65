// The checked result for one call: grant ∩ lease ∩ Cedar decision ∩ approval terms. Only this room makes one.

import type { CallLimits, DirectoryGrant, NetRule } from '../../catalog/installation.ts';
import type { TenantId } from '../../base/store/store.ts';

/** What a permit says. */
export interface PermitTerms {
  readonly callId: string;
  readonly tenant: TenantId;
  readonly principal: string;
  readonly tool: string;
  /** Digest of the call this permit is for. */
  readonly callDigest: string;
  readonly installation: { readonly id: string; readonly name: string; readonly digest: string };
  /** State key of the lease it rests on. */
  readonly lease: string;
  readonly allowNet: readonly NetRule[];
  readonly denyNet: readonly NetRule[];
  readonly read: readonly DirectoryGrant[];
  readonly write: readonly DirectoryGrant[];
  readonly env: Readonly<Record<string, string>>;
  readonly kv: boolean;
  readonly config: Readonly<Record<string, string>>;
  readonly limits: CallLimits;
  /** Wall milliseconds after which no host call is served. */
  readonly expiresAt: number;
}

const made = new WeakSet<Permit>();
const makerKey: unique symbol = Symbol('permit maker');

/** Proof, unforgeable within the process, that one call was decided and what it may do. Frozen. */
export class Permit {
  readonly terms: PermitTerms;

  constructor(terms: PermitTerms, key: typeof makerKey) {
    if (key !== makerKey) throw new TypeError('only the policy room makes permits');
    this.terms = deepFreeze(structuredClone(terms));
    made.add(this);
    Object.freeze(this);
  }
}

/** Makes a permit. For `decide.ts` of this room alone; lint keeps other rooms out. */
export function makePermit(terms: PermitTerms): Permit {
  return new Permit(terms, makerKey);
}

/**
 * Narrows an unknown value to a permit this process really made.
 *
 * @throws TypeError for anything else: a copy, a look-alike, a subclass made elsewhere.
 */
export function assertPermit(value: unknown): asserts value is Permit {
  if (!(value instanceof Permit) || !made.has(value)) {
    throw new TypeError('not a permit of this process');
  }
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    for (const inner of Object.values(value)) deepFreeze(inner);
    Object.freeze(value);
  }
  return value;
}
