// Reads whatever ended a request as the refusal a guest is told.

import { WarderError } from '../../base/errors/errors.ts';
import { BrokerGone } from '../../base/process/broker.ts';
import { EgressRefusal } from './refusal.ts';

/** Throws again what is a fault of ours. */
export function refusalOf(thrown: unknown, signal: AbortSignal): EgressRefusal {
  if (thrown instanceof EgressRefusal) return thrown;
  if (signal.aborted) return new EgressRefusal('failed', 'the call was ended', thrown);
  if (thrown instanceof BrokerGone) {
    return new EgressRefusal('failed', 'the process that speaks to the network ended', thrown);
  }
  if (thrown instanceof WarderError) return new EgressRefusal('failed', thrown.message, thrown);
  throw thrown;
}
