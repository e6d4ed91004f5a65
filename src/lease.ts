// `warder/lease`: reading, verifying and holding leases.

export { WarderError } from './base/errors/errors.ts';
export { type HeldStatus, HeldLease, type LeaseRefresher } from './trust/holder/held-lease.ts';
export {
  generateHolderKey,
  type HolderKey,
  importHolderKey,
  type PrivateHolderJwk,
} from './trust/holder/holder-key.ts';
export {
  DESCRIPTOR_VARIABLE,
  formatInheritance,
  type InheritedLease,
  inheritedLease,
} from './trust/holder/inherited-lease.ts';
export { agentSocketRefresher } from './trust/holder/socket-refresher.ts';
export { type ChildTerms, narrowLease } from './trust/holder/narrow.ts';
export { type Action, covers } from './trust/lease/action.ts';
export { parseCapabilities } from './trust/lease/capability.ts';
export type {
  Capability,
  ChainLink,
  Confirmation,
  HolderJwk,
  LeaseClaims,
} from './trust/lease/lease.ts';
export { widening } from './trust/lease/lease-within.ts';
export { type ProofExpectations, type VerifiedProof, verifyProof } from './trust/lease/proof.ts';
export {
  type LeaseExpectations,
  type VerifiedLease,
  verifyLease,
} from './trust/lease/verify-lease.ts';
export { type Revocations, verifyRevocations } from './trust/lease/revocation-list.ts';
export { type OfflineExpectations, verifyOffline } from './trust/lease/verify-offline.ts';
export { type TrustedKeys, loadKeys } from './trust/verify/keys.ts';
