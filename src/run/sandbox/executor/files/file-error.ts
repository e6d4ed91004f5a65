// Why a file operation failed, in the words of wasi:filesystem; preview 1 has a number for each.

import type { GuestHost } from '../engine.ts';
import type {
  FileFacts,
  FileFault,
  HostReply,
  HostRequest,
  RefusalCode,
} from '../../host-calls.ts';

/** Cases of `wasi:filesystem/types.error-code` that happen here. */
export type FileErrorCode =
  | 'access'
  | 'bad-descriptor'
  | 'busy'
  | 'cross-device'
  | 'exist'
  | 'illegal-byte-sequence'
  | 'insufficient-space'
  | 'invalid'
  | 'io'
  | 'is-directory'
  | 'loop'
  | 'name-too-long'
  | 'no-entry'
  | 'not-directory'
  | 'not-empty'
  | 'not-permitted'
  | 'overflow'
  | 'read-only'
  | 'unsupported';

export class FileError extends Error {
  override readonly name = 'FileError';
  readonly code: FileErrorCode;

  /** @param reason what the host said, for the log. */
  constructor(code: FileErrorCode, reason: string = code) {
    super(reason);
    this.code = code;
  }
}

const FAULTS: Readonly<Record<FileFault, FileErrorCode>> = {
  exists: 'exist',
  'is-directory': 'is-directory',
  'not-directory': 'not-directory',
  'not-empty': 'not-empty',
  'symbolic-link': 'loop',
  'bad-handle': 'bad-descriptor',
  'no-space': 'insufficient-space',
  'cross-device': 'cross-device',
  busy: 'busy',
};

const REFUSALS: Readonly<Record<RefusalCode, FileErrorCode>> = {
  denied: 'not-permitted',
  limit: 'overflow',
  'not-found': 'no-entry',
  invalid: 'invalid',
  failed: 'io',
};

export type Granted = Extract<HostReply, { ok: true }>;

/** @throws FileError when the host refuses. */
export function ask(host: GuestHost, request: HostRequest): Granted {
  const reply = host.request(request);
  if (reply.ok) return reply;
  const code = reply.fault === undefined ? REFUSALS[reply.code] : FAULTS[reply.fault];
  throw new FileError(code, reply.message);
}

/** The facts an answer holds. */
export function factsIn({ value }: Granted): FileFacts {
  if (!('size' in value)) throw new FileError('io');
  return value as FileFacts;
}
