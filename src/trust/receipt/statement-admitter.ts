// What a signer asks before it signs a statement: that it is a leaf of its log, under a head it signed itself.

import { sameBytes } from '../../base/encoding/sha256.ts';
import { asWarderError, WarderError } from '../../base/errors/errors.ts';
import type { Admitter, PublicJwk, SignRequest } from '../signer/signer.ts';
import { preAuthEncoding } from '../verify/envelope.ts';
import { loadKeys, ORIGIN_MEMBER, ROLES_MEMBER, type TrustedKeys } from '../verify/keys.ts';
import { parseProof } from '../verify/proof.ts';
import { verifyReceipt } from '../verify/receipt.ts';

/** What a request to sign a statement carries. */
export interface StatementEvidence {
  /** A tlog-proof of the leaf; the head in it bears the lines of the log key and of the key that signs. */
  readonly proof: string;
}

/**
 * Admits receipts of one log, and nothing else: who holds the daemon gets no statement signed that is not in
 * the log for all to see.
 *
 * @param logKey the key whose line every head of the log has now.
 */
export function statementAdmitter(origin: string, logKey: () => PublicJwk): Admitter {
  return {
    kind: 'dsse',
    async admit(request, key) {
      try {
        await check(request, await keysOf(origin, [logKey(), key]));
      } catch (cause) {
        throw new WarderError(
          'not-trusted',
          `the signer refuses the statement: ${asWarderError(cause).message}`,
          { hint: 'only receipts that are in the log are signed', cause },
        );
      }
    },
  };
}

async function check(request: SignRequest, keys: TrustedKeys): Promise<void> {
  const { proof } = (request.evidence ?? {}) as { readonly proof?: unknown };
  if (typeof proof !== 'string') refuse('there is no proof that it is in the log');
  // Under another origin these keys have no line.
  await verifyReceipt(proof, keys);
  const { extra = new Uint8Array() } = parseProof(proof);
  if (!sameBytes(request.payload, preAuthEncoding(extra))) refuse('the proof is of another leaf');
}

/** Both lines are asked for: a head that the key signed itself, beside the log key. */
function keysOf(origin: string, keys: readonly PublicJwk[]): Promise<TrustedKeys> {
  const members = { [ROLES_MEMBER]: ['checkpoint'], [ORIGIN_MEMBER]: origin };
  return loadKeys([JSON.stringify({ keys: keys.map((key) => ({ ...key, ...members })) })]);
}

function refuse(why: string): never {
  throw new WarderError('not-trusted', why);
}
