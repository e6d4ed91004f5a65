// What a lease says: claims in their final wire form, and the checked form the gate uses.

import type { TenantId } from '../../base/store/store.ts';
import type { ArgumentRules } from './argument-rule.ts';

/** RFC 9396 authorization details warder understands. Unknown types and members are refused. */
export type Capability =
  | ToolCallCapability
  | FsCapability
  | HttpCapability
  | SpendCapability
  | CredentialCapability
  | RefreshCapability;

/** When a capability holds, within the life of its lease. NumericDate seconds. */
interface Timed {
  readonly notBefore?: number;
  /** First second in which it does not hold any more. */
  readonly notAfter?: number;
}

export interface ToolCallCapability extends Timed {
  readonly type: 'tool.call';
  /** Operation names; `*` matches within a name (names hold no `/`). */
  readonly tools: readonly string[];
  /** The only arguments a call may have, and their values; absent: any. */
  readonly arguments?: ArgumentRules;
}

export interface FsCapability extends Timed {
  readonly type: 'fs.read' | 'fs.write';
  /** Globs over normalised absolute guest paths: `*` within a segment, `**` across. */
  readonly paths: readonly string[];
}

export interface HttpCapability extends Timed {
  readonly type: 'http.call';
  /** Upper case, or `*`. */
  readonly methods: readonly string[];
  /** `scheme://host[:port]`, host may be `*.name`; `*` alone is any granted origin. */
  readonly origins: readonly string[];
  /** Path globs. */
  readonly paths: readonly string[];
}

/** One durable cap per lease and currency. */
export interface SpendCapability extends Timed {
  readonly type: 'spend';
  readonly currency: string;
  /** Whole, in the smallest unit. */
  readonly amount: number;
}

/** Secrets that may be used on the holder's behalf. */
export interface CredentialCapability extends Timed {
  readonly type: 'credential';
  readonly names: readonly string[];
}

/** Having the lease signed anew with a later end, as far as `max_exp`. */
export interface RefreshCapability extends Timed {
  readonly type: 'lease.refresh';
}

/**
 * Who may use a lease: the holder of a key (RFC 7800: named by its RFC 7638 thumbprint, or given whole,
 * which it has to be for the holder to sign leases itself), or a connection. Absent: any bearer.
 */
export type Confirmation =
  { readonly jkt: string } | { readonly jwk: HolderJwk } | { readonly conn: string };

/** A holder's public key, the members its thumbprint is over and no others. */
export interface HolderJwk {
  readonly kty: 'EC' | 'OKP';
  readonly crv: 'P-256' | 'Ed25519';
  readonly x: string;
  readonly y?: string;
}

/** At most `uses` calls within any `seconds`. */
export interface Rate {
  readonly uses: number;
  readonly seconds: number;
}

/** Claims of a `lease+jwt`. Times are NumericDate seconds (RFC 7519). */
export interface LeaseClaims {
  readonly iss: string;
  /** The principal. */
  readonly sub: string;
  /** The daemon it is for: the log origin. */
  readonly aud: string;
  readonly jti: string;
  readonly iat: number;
  readonly nbf: number;
  readonly exp: number;
  readonly tenant: TenantId;
  readonly cnf?: Confirmation;
  readonly authorization_details: readonly Capability[];
  readonly task?: string;
  /** At most this many calls. */
  readonly max_uses?: number;
  /** At most this many bytes, in and out, of all its calls. */
  readonly max_bytes?: number;
  readonly rate?: Rate;
  /** Latest `exp` that this lease, signed anew, or any lease made from it may ever have. */
  readonly max_exp?: number;
  /** `false`: no lease is made from it, whatever `del_max` says. */
  readonly delegatable?: boolean;
  /** SHA-256 (base64url) over the parent's signing input; roots have none. */
  readonly par_hash?: string;
  readonly del_depth: number;
  /** Deepest child allowed, at most 4; 0 means not delegatable. */
  readonly del_max: number;
}

/** A lease after every check: signature, times, revocation, holder. Only this room makes one. */
export interface CheckedLease {
  /** SHA-256(parent state key ‖ jti), hex: what uses and revocations are counted under. */
  readonly stateKey: string;
  readonly claims: LeaseClaims;
  readonly holder: 'connection' | 'dpop' | 'bearer';
  /** From the root to this one. */
  readonly chain: readonly ChainLink[];
}

/** One lease of a chain. */
export interface ChainLink {
  readonly stateKey: string;
  /** SHA-256 of the signing input, hex. */
  readonly digest: string;
  readonly claims: LeaseClaims;
  /** Thumbprint of the key it is bound to, if it is bound to one. */
  readonly jkt?: string;
  /** Thumbprint of the daemon's key it is signed with; one that a holder signed has none. */
  readonly kid?: string;
}
