// What a call moved through the host, added up for its receipt.

import type { Effect } from '../trust/receipt/leaf.ts';

/** Numbers of what was used; what was not is absent. */
export type ReachUsage = Readonly<
  Partial<Record<'requests' | 'netBytes' | 'fileReadBytes' | 'fileWriteBytes' | 'kvBytes', number>>
>;

const BYTES = {
  http: 'netBytes',
  kv: 'kvBytes',
  'file-read': 'fileReadBytes',
  'file-write': 'fileWriteBytes',
} as const;

/** `requests` are those of which bytes may have left. */
export function reachUsage(effects: readonly Effect[]): ReachUsage {
  const usage: { -readonly [Key in keyof ReachUsage]: number } = {};
  for (const { kind, state, count, bytes } of effects) {
    if (kind === 'secret' || (state !== 'sent' && state !== 'answered')) continue;
    usage[BYTES[kind]] = (usage[BYTES[kind]] ?? 0) + bytes;
    if (kind === 'http') usage.requests = (usage.requests ?? 0) + count;
  }
  return usage;
}
