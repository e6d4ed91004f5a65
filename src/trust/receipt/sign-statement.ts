// A receipt for tools that know DSSE and no tile log: the leaf, signed by the signing key.

import { WarderError } from '../../base/errors/errors.ts';
import type { Signer } from '../signer/signer.ts';
import {
  formatBundle,
  formatEnvelope,
  preAuthEncoding,
  type StatementBundle,
} from '../verify/envelope.ts';
import { parseJwk } from '../verify/jwk.ts';
import { parseProof } from '../verify/proof.ts';
import type { StatementEvidence } from './statement-admitter.ts';

/**
 * Has the leaf of a proof signed as a statement, in a sigstore bundle.
 *
 * @param proof its head bears the line of the signer.
 * @throws WarderError whatever the signer throws.
 */
export async function signStatement(proof: string, signer: Signer): Promise<StatementBundle> {
  const { extra } = parseProof(proof);
  if (extra === undefined) throw new WarderError('internal', 'a proof without its leaf');
  const evidence: StatementEvidence = { proof };
  const payload = preAuthEncoding(extra);
  const signature = await signer.sign({ kind: 'dsse', payload, evidence });
  return formatBundle(
    formatEnvelope(extra, parseJwk({ ...signer.key }), signature),
    signer.key.kid,
  );
}
