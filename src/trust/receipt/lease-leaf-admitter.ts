// Lets a lease be signed only when its receipt is shown, and remembers that leaf until a head is shown to hold it.

import { hash } from 'node:crypto';
import { encodeUtf8 } from '../../base/encoding/utf8.ts';
import { WarderError } from '../../base/errors/errors.ts';
import type { Admitter, SignRequest } from '../signer/signer.ts';
import { parseLeaf } from '../verify/leaf.ts';
import type { CheckpointMemory } from './checkpoint-memory.ts';
import { hashLeaf } from './digest.ts';

/** How a lease comes to be signed. */
const OUTCOMES: readonly string[] = ['issued', 'renewed'];

/** Asks for the leaf besides what else is asked of a lease: it comes last, so that a refused lease leaves nothing. */
export function leaseLeafAdmitter(memory: CheckpointMemory): Admitter {
  return {
    kind: 'lease',
    async admit({ payload, evidence }: SignRequest) {
      const { leaf, index } = (evidence ?? {}) as Readonly<Record<string, unknown>>;
      if (typeof leaf !== 'string' || !Number.isSafeInteger(index) || (index as number) < 0) {
        throw refusal('it comes without its receipt');
      }
      const bytes = encodeUtf8(leaf);
      if (!isReceiptOf(bytes, payload)) throw refusal('the receipt is of something else');
      await memory.leases.remember({
        index: index as number,
        hash: hashLeaf(bytes),
        since: memory.head.size,
      });
    },
  };
}

function isReceiptOf(leaf: Uint8Array, payload: Uint8Array): boolean {
  try {
    const { subject, predicate } = parseLeaf(leaf);
    return (
      predicate.type === 'lease' &&
      OUTCOMES.includes(predicate.outcome) &&
      subject[0].name === 'lease' &&
      subject[0].digest.sha256 === hash('sha256', payload)
    );
  } catch (cause) {
    throw refusal('its receipt does not parse', cause);
  }
}

function refusal(why: string, cause?: unknown): WarderError {
  return new WarderError('not-trusted', `the signer refuses this lease: ${why}`, {
    hint: 'a lease is signed once its receipt is in the log, and with that as evidence',
    ...(cause === undefined ? {} : { cause }),
  });
}
