// What the book says when it does not take a lease.

import { WarderError } from '../../base/errors/errors.ts';
import type { ChainLink } from './lease.ts';
import type { LeaseRow } from './lease-table.ts';

/** @throws WarderError `lease-refused` unless the row is of this very content, and has not ended. */
export function checkRow(row: LeaseRow | undefined, link: ChainLink): asserts row is LeaseRow {
  if (row === undefined) refuse('is not one this daemon issued', 'ask for a new lease');
  if (row.digest !== link.digest && row.former !== link.digest) {
    refuse('has another content than the one first seen', 'use the one first made');
  }
  if (row.state !== 'active') refuse(`was ${row.state}`, 'ask for a new lease');
}

export function refuseEnded(): never {
  return refuse('was revoked or released', 'ask for a new lease, or open a new connection');
}

export function refuseKey(): never {
  return refuse('is signed with a key that was rotated', 'ask for a new lease');
}

export function refuseHolder(): never {
  return refuse(
    'is bound, or goes back, to a key that was revoked',
    'ask for a lease with another',
  );
}

function refuse(why: string, hint: string): never {
  throw new WarderError('lease-refused', `the lease ${why}`, { hint });
}
