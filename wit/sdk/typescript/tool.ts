// What a component exports, in the shapes componentize-qjs hands over (null for an absent option).

export interface Definition {
  /** `[A-Za-z0-9_.-]{1,64}`, unique within the package. */
  readonly name: string;
  readonly title: string | null;
  readonly description: string;
  /** JSON Schema 2020-12 of the arguments, as JSON text. */
  readonly inputSchema: string;
  /** JSON Schema 2020-12 of the structured answer, as JSON text. */
  readonly outputSchema: string | null;
  readonly hints: {
    readonly readOnly: boolean;
    readonly destructive: boolean;
    readonly idempotent: boolean;
    readonly openWorld: boolean;
  } | null;
}

export interface Answer {
  readonly content: readonly { readonly tag: 'text'; readonly val: string }[];
  /** A JSON object as JSON text. */
  readonly structured: string | null;
  readonly isError: boolean;
}

/** The `operations` interface of warder's tool world. */
export interface Operations {
  describe(): Definition[];
  /** Throwing a string is the `err` case of the result. */
  call(name: string, args: string): Answer;
}

/** Something the caller can mend: becomes an answer with `isError`. */
export class Problem extends Error {}

/** An answer of one text, and the same as an object for programs. */
export function answer(text: string, structured?: object): Answer {
  return {
    content: [{ tag: 'text', val: text }],
    structured: structured === undefined ? null : JSON.stringify(structured),
    isError: false,
  };
}

/** Runs `work`; a Problem becomes an answer that says so, anything else the `err` case. */
export function answering(work: () => Answer): Answer {
  try {
    return work();
  } catch (error) {
    if (error instanceof Problem) {
      return { content: [{ tag: 'text', val: error.message }], structured: null, isError: true };
    }
    // The component model's error case is the thrown value itself.
    throw error instanceof Error ? error.message : String(error);
  }
}
