// Facts of files in the form of wasi:filesystem/types.

import type { FileFacts } from '../../host-calls.ts';
import { identityOf } from '../files/file-identity.ts';

const NANOSECONDS = 1_000_000_000n;
const NANOSECONDS_PER_MS = 1_000_000n;

/** wasi:clocks/wall-clock datetime. */
export interface Datetime {
  readonly seconds: bigint;
  readonly nanoseconds: number;
}

export function typeOf(kind: 'file' | 'directory'): string {
  return kind === 'file' ? 'regular-file' : 'directory';
}

export function statOf(facts: FileFacts): object {
  const modified = BigInt(Math.floor(facts.modified)) * NANOSECONDS_PER_MS;
  const { times } = facts;
  return {
    type: typeOf(facts.kind),
    linkCount: BigInt(facts.links ?? 1),
    size: BigInt(facts.size),
    dataAccessTimestamp: datetime(times === undefined ? modified : BigInt(times.accessed)),
    dataModificationTimestamp: datetime(times === undefined ? modified : BigInt(times.modified)),
    statusChangeTimestamp: datetime(times === undefined ? modified : BigInt(times.changed)),
  };
}

function datetime(nanoseconds: bigint): Datetime {
  // Instants before 1970 have no form here.
  const told = nanoseconds < 0n ? 0n : nanoseconds;
  return { seconds: told / NANOSECONDS, nanoseconds: Number(told % NANOSECONDS) };
}

/** Programs take the lower half for the inode. */
export function hashOf(path: string, facts: FileFacts): object {
  const modified = facts.times?.modified ?? String(facts.modified);
  return {
    lower: identityOf(path),
    upper: identityOf(`${modified} ${String(facts.size)}`),
  };
}
