// Which kinds the two keys of a home may sign; every verifier checks the same lists.

import type { SignKind } from './signer.ts';

/** The signing key (ES256 by default, any back end). */
export const signingKeyRoles: readonly SignKind[] = Object.freeze([
  'lease',
  'checkpoint',
  'rotation',
  'revocations',
  'dsse',
  'attest',
]);

/** The log key (Ed25519). */
export const logKeyRoles: readonly SignKind[] = Object.freeze(['checkpoint', 'rotation', 'attest']);
