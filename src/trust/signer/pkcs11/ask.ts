// One question to the process that has loaded a PKCS#11 module, and what it means when none is answered.

import { WarderError } from '../../../base/errors/errors.ts';
import type { Broker, BrokerReply } from '../../../base/process/broker.ts';
import { signerTrouble } from '../trouble.ts';
import type { ModuleRequest, WireError } from './messages.ts';

/**
 * @param ms how long the answer may take, milliseconds; a process that takes longer hangs and is ended.
 * @throws WarderError what the process answered; BrokerGone when it ended; `TimeoutError`.
 */
export async function ask(
  broker: Broker,
  ms: number,
  request: ModuleRequest,
  body?: Uint8Array,
): Promise<BrokerReply> {
  const reply = await broker.request(request, body, AbortSignal.timeout(ms));
  const { error } = reply.head as { readonly error?: WireError };
  if (error === undefined) return reply;
  const { message, hint, data } = error;
  // The process is ours: it sends no other codes.
  const code = error.code === 'conflict' ? 'conflict' : 'unavailable';
  throw new WarderError(code, message, { ...(hint === undefined ? {} : { hint }), data });
}

export function isTimeout(error: unknown): boolean {
  return error instanceof Error && error.name === 'TimeoutError';
}

/** What a caller is told, whether the process answered or not. */
export function deviceError(error: unknown, token: string): WarderError {
  if (error instanceof WarderError) return error;
  if (isTimeout(error)) {
    return signerTrouble('transient', `the token \`${token}\` did not answer in time`, {
      cause: error,
      hint: 'its module is started anew with the next signature; look at the device and its connection',
    });
  }
  return signerTrouble('transient', `the module of the token \`${token}\` ended its process`, {
    cause: error,
    hint: 'it is started anew with the next signature; if it ends again, the module is at fault',
  });
}
