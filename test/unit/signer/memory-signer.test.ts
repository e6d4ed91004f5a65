import { openMemorySigner } from '../../../src/trust/signer/memory/memory-signer.ts';
import { signerContract } from '../../contracts/signer.ts';

for (const alg of ['ES256', 'ES384', 'EdDSA'] as const) {
  signerContract('memory', alg, async (rules) => openMemorySigner(alg, rules));
}
