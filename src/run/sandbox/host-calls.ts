// What a guest may ask of the host while it runs. Declared here, implemented by the gate.

import type { Permit } from '../../decide/policy/permit.ts';

/** A guest's request, as parsed from a frame. Every value is hostile. */
export type HostRequest =
  | {
      readonly op: 'http';
      readonly method: string;
      readonly url: string;
      readonly headers: readonly (readonly [string, string])[];
      readonly body: Uint8Array;
    }
  | { readonly op: 'kv-get'; readonly key: string }
  | { readonly op: 'kv-set'; readonly key: string; readonly value: Uint8Array }
  | { readonly op: 'kv-delete'; readonly key: string }
  | { readonly op: 'kv-list'; readonly prefix: string }
  | { readonly op: 'file-roots' }
  | { readonly op: 'file-stat'; readonly path: string }
  | { readonly op: 'file-list'; readonly path: string }
  | {
      readonly op: 'file-read';
      readonly path: string;
      readonly offset: number;
      readonly length: number;
    }
  | { readonly op: 'file-write'; readonly path: string; readonly data: Uint8Array };

export type RefusalCode = 'denied' | 'limit' | 'not-found' | 'invalid' | 'failed';

/** What the host answers. Bytes travel as `bytes`, everything else as JSON in `value`. */
export type HostReply =
  | { readonly ok: true; readonly value: HostValue; readonly bytes?: Uint8Array }
  | { readonly ok: false; readonly code: RefusalCode; readonly message: string };

/** By operation: see docs/tool-contract.md. */
export type HostValue =
  | { readonly status: number; readonly headers: readonly (readonly [string, string])[] }
  | { readonly found: boolean }
  | { readonly deleted: boolean }
  | { readonly keys: readonly string[] }
  | { readonly roots: readonly string[] }
  | { readonly kind: 'file' | 'directory'; readonly size: number; readonly modified: number }
  | { readonly entries: readonly { readonly name: string; readonly kind: 'file' | 'directory' }[] }
  | Readonly<Record<string, never>>;

/** Serves the host calls of running guests. Every call re-checks the permit: expiry, revocation, reach. */
export interface HostCalls {
  /** Never rejects for a guest's fault; a rejection means the host is broken and the call is ended. */
  serve(permit: Permit, request: HostRequest, signal: AbortSignal): Promise<HostReply>;
}
