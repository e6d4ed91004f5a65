// What a lease says: claims in their final wire form, and the checked form the gate uses.

import type { TenantId } from '../../base/store/store.ts';

/** RFC 9396 authorization details warder understands. Unknown types and members are refused. */
export type Capability =
  | ToolCallCapability
  | FsCapability
  | HttpCapability
  | { readonly type: 'spend'; readonly currency: string; readonly amount: number }
  | { readonly type: 'credential'; readonly names: readonly string[] };

export interface ToolCallCapability {
  readonly type: 'tool.call';
  /** Operation names; `*` matches within a name (names hold no `/`). */
  readonly tools: readonly string[];
}

export interface FsCapability {
  readonly type: 'fs.read' | 'fs.write';
  /** Globs over normalised absolute guest paths: `*` within a segment, `**` across. */
  readonly paths: readonly string[];
}

export interface HttpCapability {
  readonly type: 'http.call';
  /** Upper case, or `*`. */
  readonly methods: readonly string[];
  /** `scheme://host[:port]`, host may be `*.name`; `*` alone is any granted origin. */
  readonly origins: readonly string[];
  /** Path globs. */
  readonly paths: readonly string[];
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
  /** Holder binding: an RFC 7800 key thumbprint, or the connection's socket. Absent: bearer. */
  readonly cnf?: { readonly jkt: string } | { readonly conn: string };
  readonly authorization_details: readonly Capability[];
  readonly task?: string;
  /** At most this many calls. */
  readonly max_uses?: number;
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
}
