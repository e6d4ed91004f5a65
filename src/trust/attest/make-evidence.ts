// Making evidence, and answering a verifier's challenge, on the machine that has the key.

import { WarderError } from '../../base/errors/errors.ts';
import type { OpenedSigner } from '../signer/checked-signer.ts';
import { boundBytes, checkpointBinding, nonceBinding } from './binding.ts';
import { type Answer, answerChallenge, type Challenge } from './challenge.ts';
import type { Evidence } from './evidence.ts';
import { statePossession } from './possession.ts';

/** What evidence is made for. */
export interface EvidenceRequest {
  /** The verifier's nonce in hex, or the last checkpoint as a note. */
  readonly bound: { readonly nonce: string } | { readonly note: string };
  /** Log origin of the daemon. */
  readonly origin: string;
  /** Wall milliseconds. */
  readonly now: number;
}

/**
 * Makes evidence of where a key is: as much as its device can prove, a signature of the key itself at least.
 *
 * @throws WarderError `usage` for a nonce that is none; `unavailable` when the device cannot be asked.
 */
export async function makeEvidence(
  signer: OpenedSigner,
  { bound, origin, now }: EvidenceRequest,
): Promise<Evidence> {
  const binding = 'nonce' in bound ? nonceBinding(bound.nonce) : checkpointBinding(bound.note);
  // What proves where the key is, is known of one that was opened.
  await signer.ready();
  const tpm = await signer.attestor?.attest(boundBytes(binding));
  const possession = await statePossession(signer, origin, binding, Math.floor(now / 1000));
  return {
    key: signer.key,
    binding,
    ...('note' in bound ? { note: bound.note } : {}),
    possession,
    ...(tpm === undefined ? {} : { tpm }),
  };
}

/**
 * Has the TPM of a key open a challenge.
 *
 * @throws WarderError `usage` when no TPM holds the key, or the challenge is about another one; `not-trusted`
 *   when the TPM cannot open it; `unavailable`.
 */
export async function answerWith(signer: OpenedSigner, challenge: Challenge): Promise<Answer> {
  await signer.ready();
  const { attestor, key } = signer;
  if (attestor === undefined) {
    throw new WarderError('usage', `no TPM holds the key \`${key.kid}\``, {
      hint: 'challenges are for keys with a `tpm2:` URI; others state only that they are there',
    });
  }
  if (challenge.kid !== key.kid) {
    throw new WarderError('usage', `the challenge is about the key \`${challenge.kid}\``, {
      hint: 'name that key, or have the verifier start from new evidence',
    });
  }
  return answerChallenge(challenge, await attestor.activate(challenge.credential));
}
