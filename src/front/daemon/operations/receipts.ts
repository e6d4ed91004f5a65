// Operations on receipts: reading them, proving them, handing them out, erasing what they stand for.

import { signStatement } from '../../../trust/receipt/sign-statement.ts';
import { TaskReports } from '../../../trust/receipt/task-report.ts';
import type { OperationHandlers } from '../../console/operations.ts';
import type { Runtime } from '../compose.ts';
import { ReceiptDesk } from '../../../gate/receipt-desk.ts';

type ReceiptOperations = Pick<
  OperationHandlers,
  | 'receipts.list'
  | 'receipts.show'
  | 'receipts.proof'
  | 'receipts.checkpoint'
  | 'receipts.audit'
  | 'receipts.statement'
  | 'receipts.disclose'
  | 'receipts.erase'
  | 'receipts.report'
>;

/** Receipts added up before others have their turn. */
const PER_TURN = 256;

export function receiptOperations(runtime: Runtime): ReceiptOperations {
  const { gate, receipts, keys, administration } = runtime;
  const { reader, checkpointer } = receipts;
  const desk = new ReceiptDesk(gate, receipts, administration);
  return {
    'receipts.list': (filter) => Promise.resolve(reader.list(filter)),
    'receipts.show': ({ id, tenant }) => Promise.resolve(reader.show(id, tenant)),
    'receipts.proof': async ({ id, tenant }) => ({ proof: await receipts.proof(id, tenant) }),
    'receipts.checkpoint': async () => ({ note: (await checkpointer.current()).note }),
    'receipts.audit': async () => {
      const { size, root, follows } = await receipts.audit();
      return { size, root, ...(follows === undefined ? {} : { follows }) };
    },
    'receipts.statement': async ({ id, tenant }) => {
      // Under a head of the key that signs: the last one may be of the key before.
      await checkpointer.current();
      return signStatement(await receipts.proof(id, tenant), keys.signing);
    },
    'receipts.disclose': (request) => desk.disclose(request),
    'receipts.erase': ({ id, fields, reason, ...filter }) =>
      desk.erase({
        filter,
        reason,
        ...(id === undefined ? {} : { id }),
        ...(fields === undefined ? {} : { fields }),
      }),
    'receipts.report': async (filter) => {
      const reports = new TaskReports();
      let added = 0;
      for (const receipt of reader.export(filter)) {
        reports.add(receipt);
        added += 1;
        if (added % PER_TURN === 0) await new Promise((resolve) => setImmediate(resolve));
      }
      return { tasks: reports.list() };
    },
  };
}
