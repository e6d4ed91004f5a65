// What the fronts ask of the gate and what they get back.

import type { JsonObject } from '../base/encoding/json.ts';
import type { WarderError } from '../base/errors/errors.ts';
import type { TenantId } from '../base/store/store.ts';
import type { FoundTool } from '../catalog/catalog.ts';
import type { ToolDefinition } from '../catalog/installation.ts';
import type { ToolCall } from '../decide/request/tool-call.ts';
import type { ToolAnswer } from '../run/sandbox/runner.ts';
import type { CheckedLease } from '../trust/lease/lease.ts';
import type { ReceiptRef } from '../trust/receipt/receipt-log.ts';
import type { Provenance } from './firewall/provenance.ts';
import type { LeaseDoor } from './leases/lease-door.ts';
import type { LeaseInHand } from './leases/lease-in-hand.ts';
import type { ReceiptDoor } from './receipt-door.ts';

/** Who asks: taken from the channel, never from an argument. */
export interface Caller {
  readonly tenant: TenantId;
  readonly principal: string;
  /** Name of the agent whose socket this is, or `operator` for `--as` calls. */
  readonly agent: string;
  /** Set on the operator channel: recorded as `operator on behalf of`. */
  readonly operator: boolean;
  /**
   * The lease this call is made under: the one of this channel, issued or renewed on demand, or one the
   * caller holds and proves for this very call.
   *
   * @param now wall milliseconds.
   */
  lease(now: number, call: CallToProve): Promise<CheckedLease>;
  /** Whether the capabilities of this channel cover an operation at all. */
  covers(tool: string): boolean;
  /** The leases of its connection, for whoever may ask for more of them. */
  readonly hand?: LeaseInHand;
}

/** What a lease is chosen by, and what a proof of possession has to be for. */
export interface CallToProve {
  /** SHA-256 over the RFC 8785 form of tool and arguments, hex. */
  readonly callDigest: string;
  /** SHA-256 of the package that is to run, hex. */
  readonly toolDigest: string;
  readonly tool: string;
  readonly arguments: JsonObject;
}

export interface CallRequest {
  readonly tool: string;
  /** JSON text or bytes, parsed strictly; or a value that was parsed strictly already. */
  readonly arguments: string | Uint8Array | { readonly parsed: unknown };
  /** An approval the caller names; the same call asked again finds its approval by itself. */
  readonly approval?: string;
  /** Ends the call when aborted. */
  readonly signal?: AbortSignal;
  /** Lines the tool logs, as they come. */
  readonly onLog?: (level: 'debug' | 'info' | 'warn' | 'error', message: string) => void;
}

export type CallAnswer =
  | {
      readonly kind: 'answered';
      readonly answer: ToolAnswer;
      readonly receipt: ReceiptRef;
      readonly provenance: Provenance;
      /** The tool was disabled because of what it gave out. */
      readonly quarantined?: boolean;
    }
  /** Refused, held for approval (`approval` names it), failed, ended by a limit, cancelled. */
  | {
      readonly kind: 'stopped';
      readonly error: WarderError;
      readonly receipt: ReceiptRef;
      /** Of a call that ran. */
      readonly provenance?: Provenance;
      readonly approval?: string;
      readonly quarantined?: boolean;
    };

/** What would happen; nothing is written or spent. `rules` are the opaque ids of what decided. */
export type Preview =
  | { readonly verdict: 'auto_approve'; readonly rules: readonly string[] }
  | {
      readonly verdict: 'route_to_approver';
      readonly reason: string;
      readonly rules: readonly string[];
    }
  | { readonly verdict: 'hard_deny'; readonly error: WarderError };

/** The gate as the agent's front sees it. */
export interface AgentDoor {
  /** Where agents ask for leases. */
  readonly leases: LeaseDoor;
  /** Where agents get receipts of their own calls. */
  readonly receipts: ReceiptDoor;
  /**
   * One governed call. Resolves after its receipt is durable.
   *
   * @throws WarderError `unavailable` when no receipt could be written; nothing ran then,
   *   or what ran is settled as `unknown` at the next start.
   */
  call(caller: Caller, request: CallRequest): Promise<CallAnswer>;
  preview(caller: Caller, request: CallRequest): Promise<Preview>;
  /** Operations this caller may see, sorted by name. */
  tools(caller: Caller): readonly ToolDefinition[];
  /** SHA-256 (hex) of the package behind an operation that this caller may see: what a proof names. */
  digestOf(caller: Caller, tool: string): string | undefined;
  /** Calls back after the list of tools changed; returns the way to stop. */
  onToolsChanged(listener: () => void): () => void;
}

/** What a proof for a call of a found tool has to be for. */
export function toProve(call: ToolCall, found: FoundTool): CallToProve {
  return {
    callDigest: call.digest,
    toolDigest: found.installation.digest,
    tool: call.tool,
    arguments: call.arguments,
  };
}
