// The parsed, bounded, frozen form of what was asked: policy, digest, approver and guest see the same bytes.

import type { JsonObject } from '../../base/encoding/json.ts';

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
