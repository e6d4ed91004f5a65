// The one error class, its closed union of codes, and what each code means for the caller.

/**
 * Every code warder answers with. The table gives the process exit code of the CLI
 * and whether the same request may succeed when sent again unchanged.
 */
const CODES = {
  /** A fault in warder itself. */
  internal: { exit: 1, retry: false },
  /** The command line or a request is malformed. */
  usage: { exit: 2, retry: false },
  /** Input bytes do not parse (JSON, WASM, a lease, a proof). */
  malformed: { exit: 2, retry: false },
  /** Nothing has that name. */
  'not-found': { exit: 2, retry: false },
  /** A name or record of that kind already exists. */
  conflict: { exit: 2, retry: false },
  /** A package was refused at admission. */
  'not-admitted': { exit: 2, retry: false },
  /** The arguments do not satisfy the tool's input schema. */
  'schema-violation': { exit: 3, retry: false },
  /** Cedar (or an error while asking it) said no. */
  'policy-denied': { exit: 3, retry: false },
  /** The lease does not cover the call, is expired, revoked or used up. */
  'lease-refused': { exit: 3, retry: false },
  /** The permit of a running call does not cover what the guest asked. */
  'permit-denied': { exit: 3, retry: false },
  /** A budget, rate or size limit is reached. */
  'limit-reached': { exit: 3, retry: true },
  /** The operator has to give the passphrase first. */
  'proof-required': { exit: 3, retry: false },
  /** A person has to approve first; the message names the approval. */
  'approval-required': { exit: 4, retry: true },
  /** The tool itself reported a failure, trapped, or answered nonsense. */
  'tool-failed': { exit: 5, retry: false },
  /** The tool ran out of its time, memory or output limit and was ended. */
  'tool-limit': { exit: 5, retry: false },
  /** The caller withdrew the call. */
  cancelled: { exit: 5, retry: true },
  /** The call may or may not have had effects; it was cut off by a crash. */
  'outcome-unknown': { exit: 5, retry: false },
  /** Evidence was read and is bad: a signature, proof or digest does not hold. */
  'verification-failed': { exit: 6, retry: false },
  /** The evidence may be good, but the verifier's trust does not extend to it. */
  'not-trusted': { exit: 6, retry: false },
  /** A part warder needs (daemon, store, signer, clock) cannot be used now. */
  unavailable: { exit: 7, retry: true },
} as const;

/** A stable, machine-readable reason. */
export type ErrorCode = keyof typeof CODES;

/** All codes, for documents and tests. */
export const errorCodes: readonly ErrorCode[] = Object.freeze(Object.keys(CODES) as ErrorCode[]);

/** What a {@link WarderError} carries besides its text. */
export interface ErrorDetail {
  /** One line that names the remedy. */
  readonly hint?: string;
  readonly cause?: unknown;
  /** Facts for machines: ids, limits, paths of bad values. Never secrets. */
  readonly data?: Readonly<Record<string, unknown>>;
}

/** The only error class warder throws on purpose. */
export class WarderError extends Error {
  override readonly name = 'WarderError';
  readonly code: ErrorCode;
  readonly hint: string | undefined;
  readonly data: Readonly<Record<string, unknown>>;

  constructor(code: ErrorCode, message: string, detail: ErrorDetail = {}) {
    super(message, detail.cause === undefined ? undefined : { cause: detail.cause });
    this.code = code;
    this.hint = detail.hint;
    this.data = detail.data ?? {};
  }

  /** Exit code of a CLI command that ends with this error. */
  get exitCode(): number {
    return CODES[this.code].exit;
  }

  /** Whether the same request may succeed later unchanged. */
  get retryable(): boolean {
    return CODES[this.code].retry;
  }

  toJSON(): ErrorJson {
    return {
      code: this.code,
      message: this.message,
      ...(this.hint === undefined ? {} : { hint: this.hint }),
      ...(Object.keys(this.data).length === 0 ? {} : { data: this.data }),
    };
  }
}

/** The form an error takes on a wire. */
export interface ErrorJson {
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint?: string;
  readonly data?: Readonly<Record<string, unknown>>;
}

/** Rebuilds an error read from a wire; an unknown code becomes `internal`. */
export function errorFromJson(json: unknown): WarderError {
  const record = typeof json === 'object' && json !== null ? (json as Record<string, unknown>) : {};
  const known = typeof record['code'] === 'string' && Object.hasOwn(CODES, record['code']);
  const code = known ? (record['code'] as ErrorCode) : 'internal';
  const message = typeof record['message'] === 'string' ? record['message'] : 'unreadable error';
  const data = record['data'];
  return new WarderError(code, message, {
    ...(typeof record['hint'] === 'string' ? { hint: record['hint'] } : {}),
    ...(typeof data === 'object' && data !== null ? { data: data as Record<string, unknown> } : {}),
  });
}

/** Turns whatever was thrown into a {@link WarderError}; a foreign error becomes `internal`. */
export function asWarderError(thrown: unknown): WarderError {
  if (thrown instanceof WarderError) return thrown;
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return new WarderError('internal', message, { cause: thrown });
}
