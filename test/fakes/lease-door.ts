// A desk for leases at which nobody is served: for tests that are about something else.

import type { LeaseDoor } from '../../src/gate/leases/lease-door.ts';

const closed = (): never => {
  throw new TypeError('nobody asks for a lease in this test');
};

export const noLeases: LeaseDoor = {
  describe: closed,
  preview: closed,
  request: closed,
  poll: closed,
  release: closed,
  delegate: closed,
  token: closed,
  refresh: closed,
};
