// Why a request was not done; becomes the reply's code and message.

export type EgressRefusalCode = 'denied' | 'limit' | 'not-found' | 'invalid' | 'failed';

/** Thrown inside this room, answered to the guest. */
export class EgressRefusal extends Error {
  override readonly name = 'EgressRefusal';
  readonly code: EgressRefusalCode;

  constructor(code: EgressRefusalCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
  }
}
