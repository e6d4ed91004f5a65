// What goes wrong between us and a TPM, before anybody decides what it means for a key.

import { responseName } from './response-code.ts';

/**
 * - `gone`: nobody answers at its place, or the connection broke.
 * - `slow`: no answer in time.
 * - `refused`: the TPM answered with an error.
 * - `untrue`: somebody between us and the TPM changed an answer, or it is no TPM.
 */
export type TpmFailureKind = 'gone' | 'slow' | 'refused' | 'untrue';

/** A command that was not carried out, as far as we know. Never holds an auth value. */
export class TpmFailure extends Error {
  readonly kind: TpmFailureKind;
  /** Response code of a refusal, without the number of the handle, session or parameter. */
  readonly code: number | undefined;

  constructor(
    kind: TpmFailureKind,
    message: string,
    details: { readonly code?: number; readonly cause?: unknown } = {},
  ) {
    super(message, { cause: details.cause });
    this.name = 'TpmFailure';
    this.kind = kind;
    this.code = details.code;
  }

  /** A refusal by its response code. */
  static refused(command: string, response: number): TpmFailure {
    const { code, text } = responseName(response);
    return new TpmFailure('refused', `the TPM refuses ${command}: ${text}`, { code });
  }
}

/** Whether the TPM refused with one of these codes. */
export function refusedWith(error: unknown, ...codes: readonly number[]): error is TpmFailure {
  return (
    error instanceof TpmFailure &&
    error.kind === 'refused' &&
    error.code !== undefined &&
    codes.includes(error.code)
  );
}
