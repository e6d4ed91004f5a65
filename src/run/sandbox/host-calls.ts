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
  | { readonly op: 'file-write'; readonly path: string; readonly data: Uint8Array }
  | HandleRequest
  | TreeRequest
  | StreamRequest;

/** Files that stay open between requests, for as long as the call runs. Handles are the host's numbers. */
export type HandleRequest =
  | {
      readonly op: 'file-open';
      readonly path: string;
      readonly read: boolean;
      readonly write: boolean;
      readonly create: boolean;
      /** With `create`: refuse what exists. */
      readonly exclusive: boolean;
      readonly truncate: boolean;
      /**
       * Bytes from the start that are wanted with the answer; 0 for none. When they are the whole
       * file, and it is opened for reading alone, the answer's handle is 0: nothing stays open, and
       * there is nothing to close.
       */
      readonly prefetch: number;
    }
  | {
      readonly op: 'file-read-at';
      readonly handle: number;
      readonly offset: number;
      readonly length: number;
    }
  /** Writes at `offset`; at the end when it is absent. */
  | {
      readonly op: 'file-write-at';
      readonly handle: number;
      readonly offset?: number;
      readonly data: Uint8Array;
    }
  | { readonly op: 'file-resize'; readonly handle: number; readonly size: number }
  /** What was written so far is put in place, durably. */
  | { readonly op: 'file-sync'; readonly handle: number }
  | { readonly op: 'file-stat-handle'; readonly handle: number }
  /** Nanoseconds since the epoch, decimal; what is absent stays. */
  | {
      readonly op: 'file-times';
      readonly target: number | string;
      readonly accessed?: string;
      readonly modified?: string;
    }
  /** Puts what was written in place and forgets the handle. */
  | { readonly op: 'file-close'; readonly handle: number };

/** Changes to a tree of directories. */
export type TreeRequest =
  | { readonly op: 'file-make-directory'; readonly path: string }
  | { readonly op: 'file-remove'; readonly path: string; readonly kind: 'file' | 'directory' }
  /** Replaces a file at `to`, or an empty directory by a directory, as rename(2) does. */
  | { readonly op: 'file-rename'; readonly from: string; readonly to: string };

/** A request whose bodies travel in parts. Exchanges are the host's numbers, one call's own. */
export type StreamRequest =
  | {
      readonly op: 'http-open';
      readonly method: string;
      readonly url: string;
      readonly headers: readonly (readonly [string, string])[];
    }
  /** A part of the request's body; answered when the next may come. */
  | { readonly op: 'http-write'; readonly exchange: number; readonly data: Uint8Array }
  /** The request's body is complete; answered with status and headers of the response. */
  | { readonly op: 'http-finish'; readonly exchange: number }
  /** Some bytes of the response's body, `length` at most. */
  | { readonly op: 'http-read'; readonly exchange: number; readonly length: number }
  | { readonly op: 'http-close'; readonly exchange: number };

/** What a refusal of a file operation was about, where `code` alone would lose it. */
export type FileFault =
  | 'exists'
  | 'is-directory'
  | 'not-directory'
  | 'not-empty'
  | 'symbolic-link'
  | 'bad-handle'
  | 'no-space'
  | 'cross-device'
  | 'busy';

export type RefusalCode = 'denied' | 'limit' | 'not-found' | 'invalid' | 'failed';

/** What the host answers. Bytes travel as `bytes`, everything else as JSON in `value`. */
export type HostReply =
  | { readonly ok: true; readonly value: HostValue; readonly bytes?: Uint8Array }
  | {
      readonly ok: false;
      readonly code: RefusalCode;
      readonly message: string;
      readonly fault?: FileFault;
    };

/** What is told of a file or directory. */
export interface FileFacts {
  readonly kind: 'file' | 'directory';
  /** Bytes; 0 for a directory. */
  readonly size: number;
  /** Wall milliseconds. */
  readonly modified: number;
  /** Where a guest asks for more: nanoseconds since the epoch, decimal, and the inode. */
  readonly times?: {
    readonly accessed: string;
    readonly modified: string;
    readonly changed: string;
  };
  readonly inode?: string;
  readonly links?: number;
}

/** By operation: see docs/tool-contract.md. */
export type HostValue =
  | { readonly status: number; readonly headers: readonly (readonly [string, string])[] }
  | { readonly found: boolean }
  | { readonly deleted: boolean }
  | { readonly keys: readonly string[] }
  | { readonly roots: readonly string[] }
  | FileFacts
  | { readonly handle: number; readonly file: FileFacts }
  | { readonly exchange: number }
  | { readonly end: boolean }
  | { readonly entries: readonly { readonly name: string; readonly kind: 'file' | 'directory' }[] }
  | Readonly<Record<string, never>>;

/** Serves the host calls of running guests. Every call re-checks the permit: expiry, revocation, reach. */
export interface HostCalls {
  /** Never rejects for a guest's fault; a rejection means the host is broken and the call is ended. */
  serve(permit: Permit, request: HostRequest, signal: AbortSignal): Promise<HostReply>;
}
