// What the daemon tells the process that touches files, and what it answers. The frame's body holds
// the bytes that travel either way.

import type { DirectoryGrant } from '../../catalog/installation.ts';
import type { OwnInodes } from './own-tree.ts';
import type { FilesFault, FilesRefusalCode } from './refusal.ts';

/** What one call may do. */
export interface FileTerms {
  readonly read: readonly DirectoryGrant[];
  readonly write: readonly DirectoryGrant[];
  /** For the remedy in refusals. */
  readonly installation: string;
  /** Bytes the call may write, and files and directories it may make. */
  readonly writeBytes: number;
  readonly writeFiles: number;
}

/** A guest's file operation; see `HostRequest` of the sandbox. `data` travels as the frame's body. */
export type FileRequest =
  | { readonly op: 'file-stat' | 'file-list' | 'file-make-directory'; readonly path: string }
  | {
      readonly op: 'file-read';
      readonly path: string;
      readonly offset: number;
      readonly length: number;
    }
  | { readonly op: 'file-write'; readonly path: string; readonly data: Uint8Array }
  | {
      readonly op: 'file-open';
      readonly path: string;
      readonly read: boolean;
      readonly write: boolean;
      readonly create: boolean;
      readonly exclusive: boolean;
      readonly truncate: boolean;
      readonly prefetch: number;
    }
  | {
      readonly op: 'file-read-at';
      readonly handle: number;
      readonly offset: number;
      readonly length: number;
    }
  | {
      readonly op: 'file-write-at';
      readonly handle: number;
      readonly offset?: number;
      readonly data: Uint8Array;
    }
  | { readonly op: 'file-resize'; readonly handle: number; readonly size: number }
  | { readonly op: 'file-sync' | 'file-stat-handle' | 'file-close'; readonly handle: number }
  | {
      readonly op: 'file-times';
      readonly target: number | string;
      readonly accessed?: string;
      readonly modified?: string;
    }
  | { readonly op: 'file-remove'; readonly path: string; readonly kind: 'file' | 'directory' }
  | { readonly op: 'file-rename'; readonly from: string; readonly to: string };

/** A request on its way: without its bytes, with the number of its call. */
type Sent<Request> = Request extends unknown
  ? Omit<Request, 'data'> & { readonly call: number }
  : never;

export type BrokerMessage =
  /** A broker that was just started: what it must deny, and whose leftovers are nobody's. */
  | {
      readonly op: 'begin';
      readonly call: number;
      readonly terms: FileTerms;
      /** Absent: as last told. */
      readonly own?: OwnInodes;
      /** Brokers that were ended with temporary files in place. */
      readonly dead: readonly string[];
    }
  /** The call is over: what it left open is dropped. */
  | { readonly op: 'end'; readonly call: number }
  | Sent<FileRequest>;

/** For the receipt. `sent`: a write failed when its bytes were in place, and may not last. */
export interface FilesEffect {
  readonly kind: 'file-read' | 'file-write';
  readonly state: 'refused' | 'not-sent' | 'sent' | 'answered';
  readonly count: 1;
  /** The guest path. */
  readonly target: string;
  readonly bytes: number;
}

export interface FileStat {
  readonly kind: 'file' | 'directory';
  /** Bytes; 0 for a directory. */
  readonly size: number;
  /** Wall milliseconds. */
  readonly modified: number;
  /** Nanoseconds since the epoch, decimal. */
  readonly times: {
    readonly accessed: string;
    readonly modified: string;
    readonly changed: string;
  };
  readonly inode: string;
  readonly links: number;
}

export interface FileEntry {
  readonly name: string;
  readonly kind: 'file' | 'directory';
}

export type FileValue =
  | FileStat
  | { readonly handle: number; readonly file: FileStat }
  | { readonly entries: readonly FileEntry[] }
  | Readonly<Record<string, never>>;

export type BrokerAnswer = (
  | { readonly ok: true; readonly value: FileValue; readonly hasBytes: boolean }
  | {
      readonly ok: false;
      readonly code: FilesRefusalCode;
      readonly message: string;
      readonly fault?: FilesFault;
    }
) & {
  /** What the request did, if that is worth a receipt. */
  readonly effect?: FilesEffect;
};
