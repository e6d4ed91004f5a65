// `warder/signer`: keys by URI, and the interface a back end of one's own implements.

export { WarderError } from './base/errors/errors.ts';
export { type SignerOptions, createKey, openSigner } from './trust/signer/open-signer.ts';
export type { OpenedSigner } from './trust/signer/checked-signer.ts';
export { openMemorySigner } from './trust/signer/memory/memory-signer.ts';
export { logKeyRoles, signingKeyRoles } from './trust/signer/roles.ts';
export type {
  Admitter,
  Algorithm,
  Custody,
  PublicJwk,
  Signer,
  SignKind,
  SignRequest,
} from './trust/signer/signer.ts';
