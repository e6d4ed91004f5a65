// What asking for leases takes besides the gate.

import type { LeaseOffice } from '../../trust/lease/connection-lease.ts';
import type { LeaseCeiling } from '../../trust/lease/lease-request.ts';
import type { LeaseReception } from '../../trust/lease/lease-reception.ts';
import type { RequestBook } from '../../trust/lease/request-book.ts';
import type { GateParts } from '../parts.ts';

export interface LeaseParts {
  readonly gate: GateParts;
  readonly office: LeaseOffice;
  readonly requests: RequestBook;
  readonly reception: LeaseReception;
  /** What leases of an agent may say; undefined for one that the configuration does not name. */
  ceiling(agent: string): LeaseCeiling | undefined;
  /** Writes one line to the daemon's own log. */
  note(line: string): void;
}
