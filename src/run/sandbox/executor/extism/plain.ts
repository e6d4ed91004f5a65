// Modules with neither `describe` nor `call`: one operation per export, text in and text out.

import { GuestFailure } from '../engine.ts';

/** Exports that toolchains generate; they are no operations. */
const GENERATED =
  /^(?:init|_start|_initialize|_resume|hs_init|main|malloc|calloc|realloc|free|memory|setThrew|stack(?:Save|Restore|Alloc)|(?:cabi|asyncify|dynCall|_?emscripten)_.*|wizer\..*|__.*|wasi:.*)$/;
const MAX_OPERATIONS = 256;

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true });

/** Definitions for the exports of an instance. */
export function describePlain(exports: Readonly<Record<string, unknown>>): readonly object[] {
  const names = Object.entries(exports)
    // An Extism export takes its input through the kernel, not through parameters.
    .filter(
      ([name, value]) => typeof value === 'function' && value.length === 0 && isOperation(name),
    )
    .map(([name]) => name);
  return names.slice(0, MAX_OPERATIONS).map((name) => ({
    name,
    description: `Runs the export ${name} of the module: text in, text out.`,
    inputSchema: {
      type: 'object',
      properties: { input: { type: 'string', description: 'The input of the export.' } },
      required: ['input'],
      additionalProperties: false,
    },
  }));
}

/** Whether an export of that name may be called. */
export function isOperation(name: string): boolean {
  return !GENERATED.test(name);
}

/** The input bytes in `{"input": TEXT}`. */
export function plainInput(argumentBytes: Uint8Array): Uint8Array {
  const value: unknown = JSON.parse(decoder.decode(argumentBytes));
  const input = (value as { readonly input?: unknown } | null)?.input;
  if (typeof input !== 'string') throw new GuestFailure('`input` must be a string');
  return encoder.encode(input);
}

/** The answer that holds an output as text. */
export function plainAnswer(output: Uint8Array): Uint8Array {
  let text: string;
  try {
    text = decoder.decode(output);
  } catch {
    throw new GuestFailure('the output is not text in UTF-8');
  }
  return encoder.encode(JSON.stringify({ content: [{ type: 'text', text }], isError: false }));
}
