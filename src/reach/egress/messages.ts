// What the daemon and an egress broker tell each other: heads of frames, the bodies being raw bytes.

import type { NetRule } from '../../catalog/installation.ts';
import type { Headers } from './headers.ts';
import type { EgressRefusalCode } from './refusal.ts';
import type { EgressState } from './trace.ts';

/** A port warder itself listens on; no rule reaches it. */
export interface Listener {
  /** As bound: `0.0.0.0` and `::` are every address of this machine. */
  readonly address: string;
  readonly port: number;
}

/** What a broker knows for its whole life. */
export interface BrokerSettings {
  /** PEM certificates to trust instead of the system's. */
  readonly trusted?: string;
  /** `ADDRESS:PORT` of name servers to ask instead of the system's resolver. */
  readonly nameServers?: readonly string[];
  readonly connectMs: number;
  readonly headersMs: number;
}

/** A secret that goes into one request. */
export interface InsertedSecret {
  /** Lower-case field name. */
  readonly header: string;
  /** The field's whole value. */
  readonly field: string;
  /** The secret itself, to be found again in what comes back. */
  readonly value: string;
}

/** One request to be sent, no redirect followed. */
export interface HopMessage {
  readonly method: string;
  readonly url: string;
  readonly headers: Headers;
  readonly secrets?: readonly InsertedSecret[];
  readonly forbidden?: readonly Listener[];
  /** Bytes of the answer at most: fields, and the body before and after decompression. */
  readonly limit: number;
  /** Until the answer is whole, milliseconds. */
  readonly timeoutMs: number;
}

/** To the broker. `call` is the daemon's number for a session, `exchange` for a stream in it. */
export type BrokerMessage =
  | { readonly op: 'settings'; readonly settings: BrokerSettings }
  /** Not answered before what follows it is served. */
  | {
      readonly op: 'open';
      readonly call: number;
      readonly allow: readonly NetRule[];
      readonly deny: readonly NetRule[];
    }
  /** Closes every connection of the call. */
  | { readonly op: 'close'; readonly call: number }
  | { readonly op: 'fetch'; readonly call: number; readonly hop: HopMessage }
  | {
      readonly op: 'stream-start';
      readonly call: number;
      readonly exchange: number;
      readonly hop: HopMessage;
      /** Whether a body follows, in `stream-write`s. */
      readonly body: boolean;
    }
  | { readonly op: 'stream-write'; readonly call: number; readonly exchange: number }
  | { readonly op: 'stream-finish'; readonly call: number; readonly exchange: number }
  | {
      readonly op: 'stream-read';
      readonly call: number;
      readonly exchange: number;
      readonly length: number;
    }
  | { readonly op: 'stream-close'; readonly call: number; readonly exchange: number };

/** From the broker. Members that do not belong to the operation are absent. */
export interface BrokerAnswer {
  readonly refused?: { readonly code: EgressRefusalCode; readonly message: string };
  readonly state?: EgressState;
  readonly status?: number;
  readonly headers?: Headers;
  /** Where a redirect leads; its body was not read. */
  readonly location?: string;
  /** Bytes of the answer's fields, and of its body as far as it was taken. */
  readonly used?: number;
  /** The body is over. */
  readonly end?: boolean;
  /** How often a secret was masked since this was last said. */
  readonly masked?: number;
}
