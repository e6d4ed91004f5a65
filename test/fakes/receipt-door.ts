// A desk for receipts at which nobody is served: for tests that are about something else.

import type { ReceiptDoor } from '../../src/gate/receipt-door.ts';

const closed = (): never => {
  throw new TypeError('nobody asks for a receipt in this test');
};

export const noReceipts: ReceiptDoor = { proof: closed, disclose: closed };
