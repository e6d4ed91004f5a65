// What an agent gets of receipts of its own calls: their proofs, and what it sent and was given.

import { WarderError } from '../base/errors/errors.ts';
import type { ReceiptDetail } from '../trust/receipt/receipt-reader.ts';
import type { Disclosure } from '../trust/verify/disclosure.ts';
import { withinTime } from './awaited-proof.ts';
import type { Caller } from './door.ts';
import type { ReceiptDesk } from './receipt-desk.ts';

/** Receipts as an agent's front asks for them. */
export interface ReceiptDoor {
  /**
   * The tlog-proof of a receipt of the caller's own. Waits for the checkpoint that covers it.
   *
   * @throws WarderError `not-found`; `unavailable` when the signal is aborted first.
   */
  proof(caller: Caller, id: string, signal: AbortSignal): Promise<string>;
  /**
   * Discloses what the caller itself sent and was given.
   *
   * @param fields of `principal`, `arguments`, `result`; all of them when absent.
   * @throws WarderError `not-found` for a receipt of anybody else, or of anything but a call.
   */
  disclose(caller: Caller, id: string, fields: readonly string[] | undefined): Promise<Disclosure>;
}

/** What a caller may see of its own calls. Rules, policy, risk and targets are the operator's. */
const OWN_FIELDS: readonly string[] = ['principal', 'arguments', 'result'];

export function openReceiptDoor(desk: ReceiptDesk): ReceiptDoor {
  return {
    proof: (caller, id, signal) => {
      ownCall(desk, caller, id);
      return withinTime(desk.proof(id, caller.tenant), signal);
    },
    disclose: (caller, id, fields) => {
      const { statement } = ownCall(desk, caller, id);
      const foreign = fields?.find((field) => !OWN_FIELDS.includes(field));
      if (foreign !== undefined) {
        throw new WarderError('usage', `\`${foreign.slice(0, 64)}\` is not shown to agents`, {
          hint: `ask for ${OWN_FIELDS.join(', ')}`,
        });
      }
      const { commitments = {} } = statement.predicate;
      return desk.disclose({
        id,
        tenant: caller.tenant,
        by: caller.principal,
        fields: fields ?? OWN_FIELDS.filter((field) => Object.hasOwn(commitments, field)),
        asked: fields !== undefined,
      });
    },
  };
}

/** Somebody else's receipt is as good as none: whether there is one, nobody is told. */
function ownCall(desk: ReceiptDesk, caller: Caller, id: string): ReceiptDetail {
  const found = desk.find(id, caller.tenant);
  const own =
    found?.type === 'call' &&
    found.principal === caller.principal &&
    found.statement.predicate.operator !== true;
  if (found !== undefined && own) return found;
  throw new WarderError(
    'not-found',
    `there is no receipt \`${id.slice(0, 64)}\` of a call of yours`,
    {
      hint: 'name one that came with an answer on this channel',
    },
  );
}
