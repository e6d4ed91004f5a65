// From what a module answers to a class of trouble: each answer calls for something else.

import { WarderError } from '../../../../base/errors/errors.ts';
import type { SignerTrouble } from '../../trouble.ts';

/** Classes by CKR name; any other is `transient`. */
const CLASSES: Readonly<Record<string, SignerTrouble>> = {
  CKR_PIN_INCORRECT: 'auth',
  CKR_PIN_INVALID: 'auth',
  CKR_PIN_LEN_RANGE: 'auth',
  CKR_PIN_EXPIRED: 'auth',
  CKR_PIN_LOCKED: 'auth',
  CKR_USER_PIN_NOT_INITIALIZED: 'auth',
  CKR_USER_TYPE_INVALID: 'auth',
  CKR_DEVICE_REMOVED: 'removed',
  CKR_TOKEN_NOT_PRESENT: 'removed',
  CKR_TOKEN_NOT_RECOGNIZED: 'removed',
  CKR_SLOT_ID_INVALID: 'removed',
  CKR_OBJECT_HANDLE_INVALID: 'removed',
  CKR_KEY_HANDLE_INVALID: 'removed',
  CKR_SESSION_HANDLE_INVALID: 'removed',
  CKR_SESSION_CLOSED: 'removed',
  CKR_USER_NOT_LOGGED_IN: 'removed',
  CKR_ATTRIBUTE_READ_ONLY: 'misconfigured',
  CKR_ATTRIBUTE_TYPE_INVALID: 'misconfigured',
  CKR_ATTRIBUTE_VALUE_INVALID: 'misconfigured',
  CKR_CURVE_NOT_SUPPORTED: 'misconfigured',
  CKR_DOMAIN_PARAMS_INVALID: 'misconfigured',
  CKR_KEY_FUNCTION_NOT_PERMITTED: 'misconfigured',
  CKR_KEY_TYPE_INCONSISTENT: 'misconfigured',
  CKR_MECHANISM_INVALID: 'misconfigured',
  CKR_MECHANISM_PARAM_INVALID: 'misconfigured',
  CKR_TEMPLATE_INCOMPLETE: 'misconfigured',
  CKR_TEMPLATE_INCONSISTENT: 'misconfigured',
  CKR_TOKEN_WRITE_PROTECTED: 'misconfigured',
};

const HINTS: Readonly<Record<SignerTrouble, string>> = {
  auth: 'correct the PIN file, or unlock the token; nothing is tried again until the file changes',
  removed: 'put the token back; warder finds it by itself',
  misconfigured: 'see docs/keys/pkcs11.md for what a token and its key must be able to do',
  transient: 'it is tried again with the next signature; see the log of the device',
};

/** CKR name of what a module answered, when it did. */
export function answerOf(thrown: unknown): string | undefined {
  return /CKR_[A-Z0-9_]+/.exec(thrown instanceof Error ? thrown.message : '')?.[0];
}

/** @param doing for messages, e.g. `log in to the token \`T\``. */
export function deviceTrouble(thrown: unknown, doing: string): WarderError {
  if (thrown instanceof WarderError) return thrown;
  const answer = answerOf(thrown);
  const signer = CLASSES[answer ?? ''] ?? 'transient';
  const text = thrown instanceof Error ? thrown.message : String(thrown);
  return new WarderError('unavailable', `cannot ${doing}: ${answer ?? text}`, {
    cause: thrown,
    hint: HINTS[signer],
    data: { signer, ...(answer === undefined ? {} : { answer }) },
  });
}
