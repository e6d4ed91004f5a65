// The ways a component is called: warder's own world, exported functions by their WIT types, and as a
// program.

import { commandDefinition } from '../command-definition.ts';
import { GuestFailure } from '../engine.ts';
import type { Shape, WitOperation } from '../../transpile/shape.ts';
import { GuestExit } from './err-result.ts';
import { camelCase, fromWit, toWit, ValueError } from './values.ts';

/** What the glue's `instantiate` answers. */
export type ComponentExports = Readonly<Record<string, unknown>>;

/** The JSON value a package's description is made of. Unchecked. */
export function describeExports(shape: Shape, instantiate: () => ComponentExports): unknown {
  if (shape.convention === 'wit') return shape.operations.map(({ definition }) => definition);
  if (shape.convention === 'command') {
    // Not run, but instantiated: a program that does not link must not be admitted.
    instantiate();
    return [commandDefinition];
  }
  const described = method(instance(instantiate(), shape.instance), 'describe')();
  if (!Array.isArray(described)) throw new GuestFailure('`describe` gave no list');
  return described.map(definitionJson);
}

/**
 * Runs a program to its end; what it reads and prints is the standard streams' affair.
 *
 * @returns its exit code: 1 when `run` answers its error.
 */
export function runProgram(name: string, instantiate: () => ComponentExports): number {
  try {
    method(instance(instantiate(), name), 'run')();
    return 0;
  } catch (thrown) {
    if (thrown instanceof GuestExit) return thrown.status;
    // The error case of an exported function, as the glue throws it.
    if (thrown instanceof Error && Object.hasOwn(thrown, 'payload')) return 1;
    throw thrown;
  }
}

/** The JSON of an MCP CallToolResult. Unchecked. */
export function callExports(
  shape: Exclude<Shape, { readonly convention: 'command' }>,
  tool: string,
  argumentText: string,
  instantiate: () => ComponentExports,
): unknown {
  if (shape.convention === 'warder') {
    return answerJson(method(instance(instantiate(), shape.instance), 'call')(tool, argumentText));
  }
  const operation = shape.operations.find(({ name }) => name === tool);
  if (operation === undefined) throw new GuestFailure(`the component has no operation \`${tool}\``);
  return callTyped(operation, JSON.parse(argumentText), instantiate);
}

function callTyped(
  operation: WitOperation,
  args: unknown,
  instantiate: () => ComponentExports,
): unknown {
  const { params, result } = operation.type;
  const record = toWitArguments(params, args);
  const exports = instantiate();
  const owner = operation.instance === undefined ? exports : instance(exports, operation.instance);
  const given = method(owner, camelCase(operation.export))(...record);
  // The glue throws the error case of a `result` at the top, and gives the ok case bare.
  const type = result?.kind === 'result' ? result.ok : result;
  if (type === undefined) return { content: [], isError: false };
  const value = fromWit(type, given);
  return {
    content: [{ type: 'text', text: typeof value === 'string' ? value : JSON.stringify(value) }],
    structuredContent: { result: value },
    isError: false,
  };
}

function toWitArguments(params: WitOperation['type']['params'], args: unknown): unknown[] {
  try {
    const whole = toWit({ kind: 'record', fields: params }, args, '') as Record<string, unknown>;
    return params.map(({ name }) => whole[camelCase(name)]);
  } catch (error) {
    if (error instanceof ValueError) throw new GuestFailure(`argument ${error.message}`);
    throw error;
  }
}

function instance(exports: ComponentExports, name: string): Readonly<Record<string, unknown>> {
  const found = Object.hasOwn(exports, name) ? exports[name] : exports[camelCase(name)];
  if (typeof found !== 'object' || found === null) {
    throw new GuestFailure(`the component does not export \`${name}\``);
  }
  return found as Record<string, unknown>;
}

function method(
  owner: Readonly<Record<string, unknown>>,
  name: string,
): (...args: readonly unknown[]) => unknown {
  const found = Object.hasOwn(owner, name) ? owner[name] : undefined;
  if (typeof found !== 'function')
    throw new GuestFailure(`the component does not export \`${name}\``);
  return found as (...args: readonly unknown[]) => unknown;
}

interface WitDefinition {
  readonly name: string;
  readonly title?: string;
  readonly description: string;
  readonly inputSchema: string;
  readonly outputSchema?: string;
  readonly hints?: {
    readonly readOnly: boolean;
    readonly destructive: boolean;
    readonly idempotent: boolean;
    readonly openWorld: boolean;
  };
}

function definitionJson(given: unknown): unknown {
  const { name, title, description, inputSchema, outputSchema, hints } = given as WitDefinition;
  return {
    name,
    ...(title === undefined ? {} : { title }),
    description,
    inputSchema: parse(inputSchema, 'input-schema'),
    ...(outputSchema === undefined ? {} : { outputSchema: parse(outputSchema, 'output-schema') }),
    ...(hints === undefined
      ? {}
      : {
          annotations: {
            readOnlyHint: hints.readOnly,
            destructiveHint: hints.destructive,
            idempotentHint: hints.idempotent,
            openWorldHint: hints.openWorld,
          },
        }),
  };
}

type WitContent =
  | { readonly tag: 'text'; readonly val: string }
  | {
      readonly tag: 'image' | 'audio';
      readonly val: { readonly mimeType: string; readonly data: Uint8Array };
    };

interface WitAnswer {
  readonly content: readonly WitContent[];
  readonly structured?: string;
  readonly isError: boolean;
}

function answerJson(given: unknown): unknown {
  const { content, structured, isError } = given as WitAnswer;
  return {
    content: content.map((item) =>
      item.tag === 'text'
        ? { type: 'text', text: item.val }
        : {
            type: item.tag,
            mimeType: item.val.mimeType,
            data: Buffer.from(item.val.data).toString('base64'),
          },
    ),
    ...(structured === undefined ? {} : { structuredContent: parse(structured, 'structured') }),
    isError,
  };
}

function parse(text: string, what: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new GuestFailure(`\`${what}\` is not JSON`);
  }
}
