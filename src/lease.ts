// `warder/lease`: reading and verifying lease tokens.

export { WarderError } from './base/errors/errors.ts';
export { parseCapabilities } from './trust/lease/capability.ts';
export type { Capability, LeaseClaims } from './trust/lease/lease.ts';
export {
  type LeaseExpectations,
  type VerifiedLease,
  verifyLease,
} from './trust/lease/verify-lease.ts';
export { type TrustedKeys, loadKeys } from './trust/verify/keys.ts';
