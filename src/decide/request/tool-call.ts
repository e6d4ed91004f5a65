// The parsed, bounded, frozen form of what was asked: policy, digest, approver and guest see the same bytes.
// (parse-tool-call.ts makes it.)

/** A JSON value after strict parsing: no duplicate members, no lone surrogates, integers within 2^53. */
export type Json = null | boolean | number | string | readonly Json[] | JsonObject;
/** A JSON object; its prototype is null. */
export interface JsonObject {
  readonly [key: string]: Json;
}

/** A tenant id, `^[a-z0-9-]{1,32}$`. */
export type Tenant = string;

/** One call of one operation of one tool, exactly as asked. Deeply frozen. */
export interface ToolCall {
  /** Operation name as the agent names it, e.g. `text_echo`. */
  readonly tool: string;
  readonly arguments: JsonObject;
  /** RFC 8785 bytes of `arguments`; what the guest gets. */
  readonly argumentBytes: Uint8Array;
  /** SHA-256 over the RFC 8785 bytes of `{"arguments":…,"tool":…}`, 64 hex digits. */
  readonly digest: string;
}
