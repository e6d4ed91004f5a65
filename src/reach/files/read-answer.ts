// Reads what a broker answers. It handles hostile names, so it is believed in nothing that can be
// checked: a member of the wrong kind, and it has ended.

import type { BrokerReply } from '../../base/process/broker.ts';
import type {
  BrokerAnswer,
  FileEntry,
  FileRequest,
  FilesEffect,
  FileStat,
  FileValue,
} from './messages.ts';
import type { FilesFault, FilesRefusalCode } from './refusal.ts';

type Fields = Readonly<Record<string, unknown>>;

const CODES: ReadonlySet<unknown> = new Set<FilesRefusalCode>([
  'denied',
  'limit',
  'not-found',
  'invalid',
  'failed',
]);
const FAULTS: ReadonlySet<unknown> = new Set<FilesFault>([
  'exists',
  'is-directory',
  'not-directory',
  'not-empty',
  'symbolic-link',
  'bad-handle',
  'no-space',
  'cross-device',
  'busy',
]);
const STATES: ReadonlySet<unknown> = new Set<FilesEffect['state']>([
  'refused',
  'not-sent',
  'sent',
  'answered',
]);
/** What an operation can be on a receipt. */
const KINDS: Readonly<Record<FileRequest['op'], readonly FilesEffect['kind'][]>> = {
  'file-stat': ['file-read'],
  'file-list': ['file-read'],
  'file-read': ['file-read'],
  'file-read-at': ['file-read'],
  'file-stat-handle': ['file-read'],
  'file-open': ['file-read', 'file-write'],
  'file-write': ['file-write'],
  'file-write-at': ['file-write'],
  'file-resize': ['file-write'],
  'file-sync': ['file-write'],
  'file-close': ['file-read', 'file-write'],
  'file-times': ['file-write'],
  'file-make-directory': ['file-write'],
  'file-remove': ['file-write'],
  'file-rename': ['file-write'],
};
const DECIMAL = /^-?\d{1,20}$/;

/**
 * @param target what the request is about, for the receipt.
 * @throws TypeError
 */
export function readAnswer(
  { head, body }: BrokerReply,
  request: FileRequest,
  target: string,
): BrokerAnswer {
  const { ok } = head;
  const effect = readEffect(head['effect'], request, target);
  const told = effect === undefined ? {} : { effect };
  if (ok === false) return { ...readRefusal(head), ...told };
  if (ok !== true) throw wrong('ok');
  const hasBytes = head['hasBytes'] === true;
  if (body.length > (hasBytes ? bytesAsked(request) : 0)) throw wrong('body');
  return { ok, value: readValue(head['value'], request), hasBytes, ...told };
}

function readRefusal({ code, message, fault }: Fields): Extract<BrokerAnswer, { ok: false }> {
  if (!CODES.has(code)) throw wrong('code');
  if (typeof message !== 'string') throw wrong('message');
  if (fault !== undefined && !FAULTS.has(fault)) throw wrong('fault');
  return {
    ok: false,
    code: code as FilesRefusalCode,
    message,
    ...(fault === undefined ? {} : { fault: fault as FilesFault }),
  };
}

function readEffect(value: unknown, { op }: FileRequest, target: string): FilesEffect | undefined {
  if (value === undefined) return undefined;
  const { kind, state, bytes } = fields(value, 'effect') as Fields & Partial<FilesEffect>;
  if (kind === undefined || !KINDS[op].includes(kind)) throw wrong('effect');
  if (state === undefined || !STATES.has(state) || !isCount(bytes)) throw wrong('effect');
  return { kind, state, count: 1, target, bytes };
}

function readValue(value: unknown, { op }: FileRequest): FileValue {
  switch (op) {
    case 'file-stat':
    case 'file-stat-handle':
      return readStat(value);
    case 'file-list':
      return { entries: readEntries(fields(value, 'value')['entries']) };
    case 'file-open': {
      const { handle, file } = fields(value, 'value');
      if (!isCount(handle)) throw wrong('handle');
      return { handle, file: readStat(file) };
    }
    default:
      fields(value, 'value');
      return {};
  }
}

function readStat(value: unknown): FileStat {
  const { kind, size, modified, times, inode, links } = fields(value, 'file');
  const { accessed, modified: exactly, changed } = fields(times, 'times');
  if (kind !== 'file' && kind !== 'directory') throw wrong('kind');
  if (!isCount(size) || !isCount(links)) throw wrong('size');
  if (typeof modified !== 'number' || !Number.isFinite(modified)) throw wrong('modified');
  if (!isDecimal(accessed) || !isDecimal(exactly) || !isDecimal(changed) || !isDecimal(inode)) {
    throw wrong('times');
  }
  return { kind, size, modified, times: { accessed, modified: exactly, changed }, inode, links };
}

function readEntries(value: unknown): readonly FileEntry[] {
  if (!Array.isArray(value)) throw wrong('entries');
  return value.map((each: unknown) => {
    const { name, kind } = fields(each, 'entries');
    if (typeof name !== 'string' || (kind !== 'file' && kind !== 'directory')) {
      throw wrong('entries');
    }
    return { name, kind };
  });
}

/** Bytes the answer to a request may carry. */
function bytesAsked(request: FileRequest): number {
  switch (request.op) {
    case 'file-read':
    case 'file-read-at':
      return request.length;
    case 'file-open':
      return request.prefetch;
    default:
      return 0;
  }
}

function fields(value: unknown, name: string): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw wrong(name);
  return value as Fields;
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isDecimal(value: unknown): value is string {
  return typeof value === 'string' && DECIMAL.test(value);
}

function wrong(name: string): TypeError {
  return new TypeError(`an answer without a proper \`${name}\``);
}
