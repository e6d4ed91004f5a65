// What daemon and executor say to each other in frames, over the executor's stdin and stdout.

/** What a frame is. Odd numbers go to the executor, even ones come from it. */
export const FrameKind = {
  /** Loads the package; once. Head {@link LoadHead}, body its parts one after the other. */
  load: 1,
  /** Asks for the package's operations. */
  describe: 3,
  /** Starts a call. Head {@link CallHead}, body the arguments. */
  call: 5,
  /** Answers a request. Head {@link ReplyHead}, body bytes. */
  reply: 7,
  /** Nothing is to do: gives memory back. Not answered. */
  rest: 9,
  /** The executor is up. */
  ready: 2,
  /** The package is compiled. */
  loaded: 4,
  /** A guest asks the host. Head is the request without its bytes, body the bytes. */
  request: 6,
  /** A guest logs. Head {@link LogHead}, body the line. */
  log: 8,
  /** A call or describe ended with an answer. Head {@link AnswerHead}, body the answer. */
  answer: 10,
  /** A load, call or describe ended without one. Head {@link FailedHead}. */
  failed: 12,
} as const;

export type FrameKind = (typeof FrameKind)[keyof typeof FrameKind];

export interface LoadHead {
  readonly engine: 'extism' | 'component';
  readonly maxMemoryBytes: number;
  /** Names and lengths of what stands in the body: see {@link splitParts}. */
  readonly parts: readonly { readonly name: string; readonly length: number }[];
}

export interface CallHead {
  readonly tool: string;
  readonly env: Readonly<Record<string, string>>;
  readonly config: Readonly<Record<string, string>>;
  readonly roots: readonly string[];
  readonly writable: readonly string[];
  readonly outputBytes: number;
}

/** `value` and the body's bytes, or a refusal. */
export type ReplyHead =
  | { readonly ok: true; readonly value: unknown; readonly hasBytes: boolean }
  | {
      readonly ok: false;
      readonly code: string;
      readonly message: string;
      readonly fault?: string;
    };

export interface LogHead {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
}

export interface AnswerHead {
  readonly peakMemoryBytes: number;
  readonly cpuMicros: number;
  /** Answers of `describe` only. */
  readonly convention?: string;
}

export interface FailedHead {
  /** `tool`: the guest ended by itself; `memory`, `output`: it ran out of that. */
  readonly cause: 'tool' | 'memory' | 'output';
  readonly reason: string;
  readonly peakMemoryBytes: number;
  readonly cpuMicros: number;
}

/** Joins parts for the body of a load. */
export function joinParts(parts: ReadonlyMap<string, Uint8Array>): {
  readonly parts: LoadHead['parts'];
  readonly body: Uint8Array;
} {
  const list = [...parts].map(([name, bytes]) => ({ name, length: bytes.length }));
  const body = new Uint8Array(list.reduce((total, { length }) => total + length, 0));
  let at = 0;
  for (const bytes of parts.values()) {
    body.set(bytes, at);
    at += bytes.length;
  }
  return { parts: list, body };
}

/** The parts of a load's body, by name. */
export function splitParts(parts: LoadHead['parts'], body: Uint8Array): Map<string, Uint8Array> {
  const split = new Map<string, Uint8Array>();
  let at = 0;
  for (const { name, length } of parts) {
    split.set(name, body.subarray(at, at + length));
    at += length;
  }
  if (at !== body.length) throw new RangeError('the parts do not fill the body');
  return split;
}
