// What both engines look like to the executor's frame loop. Runs inside the executor process.

import type { HostReply, HostRequest } from '../host-calls.ts';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/** The host as one call's guest sees it. Every method blocks the guest. */
export interface GuestHost {
  /** Asks the daemon and waits for its reply. */
  request(request: HostRequest): HostReply;
  log(level: LogLevel, message: string): void;
  readonly env: Readonly<Record<string, string>>;
  readonly config: Readonly<Record<string, string>>;
  /** Guest directories this call may read, e.g. `/data`. */
  readonly roots: readonly string[];
  /** Guest directories this call may write; none when absent. */
  readonly writable?: readonly string[];
  /** Bytes an answer may have; what a command prints is bounded by it. */
  readonly outputBytes?: number;
}

/** A guest that ended by itself: trapped, exited, returned an error. Its message is hostile text. */
export class GuestFailure extends Error {
  override readonly name: string = 'GuestFailure';
  /** Highest linear memory of the instance that failed, bytes, where it is known. */
  peakMemoryBytes = 0;
}

/** A guest that wanted more memory than its call may have. */
export class GuestOutOfMemory extends GuestFailure {
  override readonly name = 'GuestOutOfMemory';
}

/** A guest that had more to say than its answer may hold. */
export class GuestOutputTooLarge extends GuestFailure {
  override readonly name = 'GuestOutputTooLarge';
}

/** A compiled package. Each method makes a fresh instance and drops it. */
export interface LoadedTool {
  /** The JSON value the guest's `describe` gave, or what was derived from its exports. Unchecked. */
  describe(host: GuestHost): Description | Promise<Description>;
  /**
   * Runs one operation.
   *
   * @param argumentBytes RFC 8785 JSON object.
   * @returns JSON bytes of an MCP CallToolResult (`content`, `structuredContent`, `isError`). Unchecked.
   * @throws GuestFailure when the guest ended without an answer.
   */
  call(
    tool: string,
    argumentBytes: Uint8Array,
    host: GuestHost,
  ): GuestAnswer | Promise<GuestAnswer>;
}

export interface Description {
  readonly convention: 'warder' | 'plain' | 'wit' | 'command';
  readonly tools: unknown;
}

export interface GuestAnswer {
  readonly bytes: Uint8Array;
  /** Highest linear memory of this instance, bytes. */
  readonly peakMemoryBytes: number;
}

/** What the daemon sends to load a package: the module itself, or a component's transpiled form. */
export type Package =
  | { readonly engine: 'extism'; readonly wasm: Uint8Array; readonly maxMemoryBytes: number }
  | {
      readonly engine: 'component';
      /** ES module text made by jco (`instantiation: sync`). */
      readonly glue: string;
      /** Core modules by the file name the glue asks for. */
      readonly cores: ReadonlyMap<string, Uint8Array>;
      /** The component's exports, as JSON made at admission; tells how to call it. */
      readonly shape: string;
      readonly maxMemoryBytes: number;
    };
