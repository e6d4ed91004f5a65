// The proofs of one operator, against the hash in the home; each wrong one leaves a receipt.

import { createHash } from 'node:crypto';
import { ProofDesk } from '../console/operator-proof.ts';
import { openPassphrase } from '../separation/operator-passphrase.ts';
import type { Runtime } from './compose.ts';

/** @param runtime whose administration is that of the operator. */
export function proofDesk(runtime: Runtime, operator: string): ProofDesk {
  const { home, gate, administration } = runtime;
  return new ProofDesk({
    // Read each time: setup may have put another in its place.
    check: (passphrase) => openPassphrase(home, operator)(passphrase),
    monotonic: () => gate.clock.monotonic(),
    refused: async () => {
      await administration.record(() => [
        undefined,
        {
          type: 'authentication',
          outcome: 'refused',
          tenant: 'default',
          subject: { name: 'operator', sha256: digestOf(operator) },
          reason: 'a wrong passphrase',
          detail: { operator, code: 'proof-required' },
        },
      ]);
    },
  });
}

function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
