// A receipt for tools that know DSSE and no tile log: the leaf, signed by the signing key.

import { WarderError } from '../../base/errors/errors.ts';
import type { Signer } from '../signer/signer.ts';
import { formatEnvelope, preAuthEncoding, type StatementEnvelope } from '../verify/envelope.ts';
import { parseJwk } from '../verify/jwk.ts';
import { parseProof } from '../verify/proof.ts';
import type { StatementEvidence } from './statement-admitter.ts';

/**
 * Has the leaf of a proof signed as a statement.
 *
 * @param proof its head bears the line of the signer.
 * @throws WarderError whatever the signer throws.
 */
export async function signStatement(proof: string, signer: Signer): Promise<StatementEnvelope> {
  const { extra } = parseProof(proof);
  if (extra === undefined) throw new WarderError('internal', 'a proof without its leaf');
  const evidence: StatementEvidence = { proof };
  const payload = preAuthEncoding(extra);
  const signature = await signer.sign({ kind: 'dsse', payload, evidence });
  return formatEnvelope(extra, signer.key.kid, parseJwk({ ...signer.key }), signature);
}
