// Evidence of where a key of this home is, and answers to verifiers' challenges. Each leaves a receipt.

import { WarderError } from '../../../base/errors/errors.ts';
import { keyAttestedEvent } from '../../../gate/key-events.ts';
import { answerWith, makeEvidence } from '../../../trust/attest/make-evidence.ts';
import { formatAnswer, formatChallenge, parseChallenge } from '../../../trust/attest/challenge.ts';
import { formatEvidence } from '../../../trust/attest/evidence.ts';
import type { OpenedSigner } from '../../../trust/signer/checked-signer.ts';
import type { OperationHandlers } from '../../console/operations.ts';
import type { Runtime } from '../compose.ts';

export function attestOperations(runtime: Runtime): Pick<OperationHandlers, 'keys.attest'> {
  const { keys, gate, receipts, administration } = runtime;
  return {
    'keys.attest': async ({ name, nonce, challenge: text }) => {
      const signer = signerNamed(keys, name);
      const { kid } = signer.key;
      if (text !== undefined) {
        const challenge = parseChallenge(text);
        const document = formatAnswer(await answerWith(signer, challenge));
        const event = keyAttestedEvent(kid, 'challenge', formatChallenge(challenge));
        await administration.record(() => [undefined, event]);
        return { document };
      }
      const bound =
        nonce === undefined ? { note: (await receipts.checkpointer.current()).note } : { nonce };
      const request = { bound, origin: keys.origin, now: gate.now() };
      const document = formatEvidence(await makeEvidence(signer, request));
      await administration.record(() => [undefined, keyAttestedEvent(kid, 'evidence', document)]);
      return { document };
    },
  };
}

/** Keys of the past are not opened any more: nothing can be proven of them. */
function signerNamed({ signing, log }: Runtime['keys'], name: string): OpenedSigner {
  const byName = { signing, log };
  if (name === 'signing' || name === 'log') return byName[name];
  const found = [signing, log].find(({ key }) => key.kid === name);
  if (found !== undefined) return found;
  throw new WarderError('not-found', `no key that signs now is \`${name.slice(0, 64)}\``, {
    hint: 'name `signing`, `log` or one of their ids; see `warder keys list`',
  });
}
