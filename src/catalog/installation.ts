// An installed tool package, its grant and its operations: what the operator recorded.

import type { JsonObject } from '../base/encoding/json.ts';

/** One operation of a package, in MCP's field names. Hostile text everywhere. */
export interface ToolDefinition {
  readonly name: string;
  readonly title?: string;
  readonly description: string;
  readonly inputSchema: JsonObject;
  readonly outputSchema?: JsonObject;
  readonly annotations?: {
    readonly readOnlyHint?: boolean;
    readonly destructiveHint?: boolean;
    readonly idempotentHint?: boolean;
    readonly openWorldHint?: boolean;
  };
}

/** `METHOD[,METHOD] scheme://host[:port]/path-glob`, parsed. */
export interface NetRule {
  /** Upper case, or `*`. */
  readonly methods: readonly string[];
  readonly scheme: 'http' | 'https';
  /** A lower-case name, `*.name`, an address or a CIDR block. */
  readonly host: string;
  readonly port: number;
  /** Glob over the normalised path: `*` within a segment, `**` across. */
  readonly path: string;
}

/** A host directory shown to the guest. */
export interface DirectoryGrant {
  /** Absolute, real path at grant time. */
  readonly host: string;
  /** Absolute guest path, e.g. `/data`. */
  readonly guest: string;
}

/** A secret of the vault that egress puts into one header field of matching requests. */
export interface SecretRule {
  /** Its name in the vault. */
  readonly secret: string;
  /** Requests it goes into; the host is a name or an address, never a wildcard or a block. */
  readonly to: NetRule;
  /** Lower-case field name, e.g. `authorization`. */
  readonly header: string;
  /** The field's value; `{}` stands for the secret, once. */
  readonly template: string;
}

/** What a call of one operation costs; the operator says so, or says which argument does. */
export type Price = { readonly tool: string; readonly currency: string } & (
  | { readonly amount: number }
  /** RFC 6901 pointer into the arguments. */
  | { readonly pointer: string }
);

/** What an installation may do at most. Everything absent is denied. */
export interface Grant {
  readonly allowNet: readonly NetRule[];
  readonly denyNet: readonly NetRule[];
  readonly read: readonly DirectoryGrant[];
  readonly write: readonly DirectoryGrant[];
  readonly env: Readonly<Record<string, string>>;
  readonly kv: boolean;
  readonly config: Readonly<Record<string, string>>;
  /** Secrets that requests are given on their way out. The tool never sees them. */
  readonly secrets: readonly SecretRule[];
  /** What its operations cost; at most one price each. */
  readonly prices: readonly Price[];
  /** What kind of package the operator takes it for, e.g. `payments`: policies and budgets name these. */
  readonly categories: readonly string[];
  /** Parts of structured answers that callers are given, and nothing else; absent: all of an answer. */
  readonly outputPaths?: readonly string[];
  /** Runs without the operating system's jail; every receipt says so. */
  readonly unsafeNoJail: boolean;
  readonly limits: CallLimits;
}

/** Bounds of one call. */
export interface CallLimits {
  /** Linear memory, bytes. */
  readonly memoryBytes: number;
  /** Wall clock from start of the guest to its answer, milliseconds. */
  readonly timeoutMs: number;
  /** CPU time of the executor during the call, milliseconds. */
  readonly cpuMs: number;
  /** Bytes of the guest's answer. */
  readonly outputBytes: number;
  /** Request plus response bytes over the network, after decompression. */
  readonly netBytes: number;
  /** HTTP requests sent, redirects included. */
  readonly requests: number;
  /** Bytes written to files. */
  readonly writeBytes: number;
  /** Files and directories made. */
  readonly writeFiles: number;
  /** Bytes the tool's key/value store may hold, keys included. */
  readonly kvBytes: number;
  readonly hostCalls: number;
  /** Bytes of log lines kept. */
  readonly logBytes: number;
  /** Calls of the installation that run at once, in one tenant; more wait. */
  readonly concurrentCalls: number;
}

/** How the binary is run. */
export type Engine = 'extism' | 'component';

/** How operations are invoked. */
export type Convention =
  /** `describe` and `call` of wit/warder-tool.wit. */
  | 'warder'
  /** One operation per export: Extism input bytes in, output bytes out. */
  | 'plain'
  /** One operation per exported component function, arguments from its WIT. */
  | 'wit'
  /** A program: arguments and standard input in, what it prints and its exit code out. */
  | 'command';

/** A package the operator added. Key: `id`. */
export interface Installation {
  /** `inst_` and a ULID; never reused. */
  readonly id: string;
  /** Operator's name for it, `^[a-z0-9][a-z0-9-]{0,39}$`, unique per tenant. */
  readonly name: string;
  /** SHA-256 of the exact bytes, hex. */
  readonly digest: string;
  readonly size: number;
  readonly engine: Engine;
  readonly convention: Convention;
  readonly tools: readonly ToolDefinition[];
  readonly grant: Grant;
  readonly enabled: boolean;
  /** Why warder itself disabled it; gone once it is enabled again. */
  readonly disabledFor?: string | undefined;
  /** Wall milliseconds. */
  readonly addedAt: number;
  /** Interfaces the binary imports, for `tool inspect`. */
  readonly imports: readonly string[];
}

export interface InspectOptions {
  /** Whether it may be done where the operating system's jail is not. */
  readonly unsafeNoJail: boolean;
}

/** Describes a package by running its `describe` in a disposable executor. Implemented by `sandbox`. */
export interface Inspector {
  /**
   * @throws WarderError `not-admitted` when the package cannot be compiled, traps, or answers nonsense,
   *   `unavailable` when the host has no jail and one is needed.
   */
  inspect(wasm: Uint8Array, engine: Engine, options?: InspectOptions): Promise<Inspection>;
}

export interface Inspection {
  readonly convention: Convention;
  readonly tools: readonly ToolDefinition[];
}
