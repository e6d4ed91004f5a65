// `warder/verify`: offline verification of receipts and logs. Pure: runs in Node and in a browser.

export { WarderError } from './base/errors/errors.ts';
export { type TrustedKey, type TrustedKeys, loadKeys } from './trust/verify/keys.ts';
export { type VerifiedReceipt, verifyReceipt } from './trust/verify/receipt.ts';
export {
  type Requirement,
  type VerifiedCheckpoint,
  verifyCheckpoint,
} from './trust/verify/checkpoint.ts';
export {
  followRotation,
  followRotations,
  type ParsedRotation,
  parseRotation,
  type RotationClaims,
} from './trust/verify/rotation.ts';
export { type Opening, verifyOpening } from './trust/verify/commitment.ts';
export { type LogReader, type VerifiedLog, verifyLog } from './trust/verify/log.ts';
export {
  type DisclosedOpening,
  type Disclosure,
  type VerifiedDisclosure,
  verifyDisclosure,
} from './trust/verify/disclosure.ts';
export { type VerifiedStatement, verifyEnvelope } from './trust/verify/envelope.ts';
export { type ReceiptStatement, parseLeaf } from './trust/verify/leaf.ts';
export type { Cosignature } from './trust/verify/cosignature.ts';
export { loadWitnesses, type WitnessKey, type Witnesses } from './trust/verify/witness-key.ts';
