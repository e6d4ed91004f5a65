// The one way a permitted call is run. Implemented by `sandbox` (WASM), later by `downstream` (MCP servers).

import type { JsonObject } from '../../base/encoding/json.ts';
import type { JailName } from '../../base/process/jail-plan.ts';
import type { ToolCall } from '../../decide/request/tool-call.ts';
import type { Permit } from '../../decide/policy/permit.ts';

/** A piece of a tool's answer, in MCP's form. Hostile. */
export type ToolContent =
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'image' | 'audio'; readonly mimeType: string; readonly data: string };

export interface ToolAnswer {
  readonly content: readonly ToolContent[];
  readonly structuredContent?: JsonObject;
  readonly isError: boolean;
}

/** What a call used. */
export interface Usage {
  /** Milliseconds from the guest's start to its end. */
  readonly wallMs: number;
  /** CPU milliseconds of the executor during the call, when it could say. */
  readonly cpuMs: number;
  /** Highest linear memory of this call's instance, bytes. */
  readonly peakMemoryBytes: number;
  readonly hostCalls: number;
  readonly outputBytes: number;
  readonly logBytes: number;
}

/** Of a guest that never ran. */
export const noUsage: Usage = Object.freeze({
  wallMs: 0,
  cpuMs: 0,
  peakMemoryBytes: 0,
  hostCalls: 0,
  outputBytes: 0,
  logBytes: 0,
});

export type RunOutcome =
  | { readonly kind: 'answered'; readonly answer: ToolAnswer; readonly usage: Usage }
  /** The tool trapped, exited, reported `err`, or answered something that is not an answer. */
  | { readonly kind: 'failed'; readonly reason: string; readonly usage: Usage }
  /** A limit ended it. */
  | {
      readonly kind: 'limit';
      readonly limit: 'deadline' | 'cpu' | 'memory' | 'output' | 'host-calls' | 'log';
      readonly reason: string;
      readonly usage: Usage;
    }
  | { readonly kind: 'cancelled'; readonly usage: Usage }
  /** The executor died or broke the frame protocol. */
  | { readonly kind: 'crashed'; readonly reason: string; readonly usage: Usage };

export interface RunOptions {
  /** Aborting ends the guest; the outcome is then `cancelled`. */
  readonly signal?: AbortSignal;
  /** Lines the guest logged, already bounded. */
  readonly onLog?: (level: 'debug' | 'info' | 'warn' | 'error', message: string) => void;
}

/** Runs permitted calls. Never rejects for a tool's fault. */
export interface Runner {
  /**
   * What a call under this permit will be shut into.
   *
   * @throws WarderError `unavailable` when it needs a jail and the host has none.
   */
  jailOf(permit: Permit): JailName;
  run(permit: Permit, call: ToolCall, options?: RunOptions): Promise<RunOutcome>;
}
