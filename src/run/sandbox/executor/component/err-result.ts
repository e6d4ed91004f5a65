// How a host function answers the `err` case of a WIT result: the glue takes `payload` off what is thrown.

/** The error case of a function of the component model. */
export class ErrResult extends Error {
  override readonly name = 'ErrResult';
  readonly payload: unknown;

  constructor(payload: unknown) {
    super('error result');
    this.payload = payload;
  }
}

/** Ends the guest: it called `wasi:cli/exit`. */
export class GuestExit extends Error {
  override readonly name = 'GuestExit';
  readonly status: number;

  constructor(status: number) {
    super(`the tool called exit(${String(status)})`);
    this.status = status;
  }
}
