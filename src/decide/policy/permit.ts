// The checked result for one call: grant ∩ lease ∩ Cedar decision ∩ approval terms. Only this room makes one.

import type {
  CallLimits,
  DirectoryGrant,
  NetRule,
  SecretRule,
} from '../../catalog/installation.ts';
import type { Cost } from '../limits/cost.ts';
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
  /** Secrets egress may put into requests. */
  readonly secrets: readonly SecretRule[];
  /** What it costs, if it has a price. */
  readonly cost?: Cost;
  /** Whether it may run where the operating system's jail is not. */
  readonly unsafeNoJail: boolean;
  readonly limits: CallLimits;
  /** Wall milliseconds after which no host call is served. */
  readonly expiresAt: number;
}

const made = new WeakSet<Permit>();
/** Objects this file froze through and through, so that permits of one grant can share them. */
const sealed = new WeakSet<object>();
const makerKey: unique symbol = Symbol('permit maker');

/** Proof, unforgeable within the process, that one call was decided and what it may do. Frozen. */
export class Permit {
  readonly terms: PermitTerms;

  constructor(terms: PermitTerms, key: typeof makerKey) {
    if (key !== makerKey || new.target !== Permit) {
      throw new TypeError('only the policy room makes permits');
    }
    const { installation } = terms;
    this.terms = Object.freeze({
      callId: terms.callId,
      tenant: terms.tenant,
      principal: terms.principal,
      tool: terms.tool,
      callDigest: terms.callDigest,
      installation: Object.freeze({
        id: installation.id,
        name: installation.name,
        digest: installation.digest,
      }),
      lease: terms.lease,
      allowNet: sealPart(terms.allowNet),
      denyNet: sealPart(terms.denyNet),
      read: sealPart(terms.read),
      write: sealPart(terms.write),
      env: sealPart(terms.env),
      kv: terms.kv,
      config: sealPart(terms.config),
      secrets: sealPart(terms.secrets),
      ...(terms.cost === undefined ? {} : { cost: sealPart(terms.cost) }),
      unsafeNoJail: terms.unsafeNoJail,
      limits: sealPart(terms.limits),
      expiresAt: terms.expiresAt,
    });
    made.add(this);
    Object.freeze(this);
  }
}

/** Makes a permit. For `decide.ts` of this room alone; a test keeps other files out. */
export function makePermit(terms: PermitTerms): Permit {
  return new Permit(terms, makerKey);
}

/**
 * A deeply frozen copy that nobody else holds; the same object when it is one already. Parts sealed
 * once are shared by every permit that names them, at no further cost.
 */
export function sealPart<T extends object>(part: T): T {
  if (sealed.has(part)) return part;
  const copy = deepFreeze(structuredClone(part));
  sealed.add(copy);
  return copy;
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

/** Freezes all of a value nobody else holds yet. */
function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null) {
    for (const inner of Object.values(value)) deepFreeze(inner);
    Object.freeze(value);
  }
  return value;
}
