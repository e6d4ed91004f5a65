// How a component is called, derived from its types: warder's own world, or one operation per
// exported function. Travels as JSON with the transpiled code.

import type { JsonObject } from '../../../base/encoding/json.ts';
import { WarderError } from '../../../base/errors/errors.ts';
import { isPlain, type WitExports, type WitFunction } from './wit-type.ts';
import { recordSchema, schemaOf } from './wit-schema.ts';

/** How to call a component. */
export type Shape =
  | { readonly convention: 'warder'; readonly instance: string }
  | { readonly convention: 'wit'; readonly operations: readonly WitOperation[] }
  /** A program; `instance` is its `wasi:cli/run`. */
  | { readonly convention: 'command'; readonly instance: string };

/** An exported function offered as an operation. */
export interface WitOperation {
  readonly name: string;
  /** Name of the exported instance that has the function, if it is in one. */
  readonly instance?: string;
  /** Name of the function in the component's own terms. */
  readonly export: string;
  readonly type: WitFunction;
  /** As MCP has it, with `inputSchema` from the parameters. */
  readonly definition: JsonObject;
}

const PROGRAM = /^wasi:cli\/run@0\.2\.\d{1,4}$/;
const OWN_OPERATIONS = /^warder:tool\/operations@0\.1\.\d{1,4}$/;
/** Exports that tools put there, not authors. */
const GENERATED = /^(?:init|_initialize|_start|cabi_.*|wasi:.*)$/;
/** Export names jco turns into JavaScript: nothing else may reach it. */
const FUNCTION_NAME = /^[a-zA-Z][a-zA-Z0-9]*(?:-[a-zA-Z0-9]+)*$/;
const INSTANCE_NAME =
  /^[a-z][a-z0-9-]{0,63}(?::[a-z][a-z0-9-]{0,63}\/[a-z][a-z0-9-]{0,63}(?:@\d[0-9A-Za-z.+-]{0,31})?)?$/i;
const MAX_OPERATIONS = 128;

/**
 * @throws WarderError `not-admitted` when nothing that can be called is exported.
 */
export function shapeOf(exports: WitExports): Shape {
  for (const name of [...exports.instances.keys(), ...exports.functions.keys()]) {
    if (!INSTANCE_NAME.test(name) || name.length > 160) throw badName(name);
  }
  const own = [...exports.instances].find(([name]) => OWN_OPERATIONS.test(name));
  if (own !== undefined) {
    const [instance, { functions }] = own;
    if (functions.has('describe') && functions.has('call'))
      return { convention: 'warder', instance };
  }
  const operations = namedOperations(exports);
  if (operations.length === 0) {
    const program = [...exports.instances.keys()].find((name) => PROGRAM.test(name));
    if (program !== undefined) return { convention: 'command', instance: program };
    throw new WarderError(
      'not-admitted',
      'the component exports no function that can be called with JSON',
      {
        hint: 'export `warder:tool/operations` (wit/warder-tool.wit), functions over plain values or `wasi:cli/run`',
      },
    );
  }
  if (operations.length > MAX_OPERATIONS) {
    throw new WarderError(
      'not-admitted',
      `the component exports more than ${String(MAX_OPERATIONS)} functions`,
    );
  }
  return { convention: 'wit', operations };
}

function badName(name: string): WarderError {
  return new WarderError(
    'not-admitted',
    `the export name \`${JSON.stringify(name).slice(1, 81)}\` is not allowed`,
    {
      hint: 'use names of letters, digits and `-`, as WIT asks',
    },
  );
}

interface Candidate {
  readonly instance?: string;
  readonly export: string;
  readonly type: WitFunction;
}

function namedOperations(exports: WitExports): WitOperation[] {
  const candidates = [
    ...callable(exports.functions, undefined),
    ...[...exports.instances].flatMap(([instance, { functions }]) =>
      GENERATED.test(instance) ? [] : callable(functions, instance),
    ),
  ];
  const uses = new Map<string, number>();
  for (const each of candidates) uses.set(each.export, (uses.get(each.export) ?? 0) + 1);
  return candidates.map((each) => {
    const unique = uses.get(each.export) === 1 || each.instance === undefined;
    const name = unique ? each.export : `${shortName(each.instance ?? '')}_${each.export}`;
    return { ...each, name, definition: definitionOf(name, each) };
  });
}

function callable(
  functions: ReadonlyMap<string, WitFunction>,
  instance: string | undefined,
): Candidate[] {
  const found: Candidate[] = [];
  for (const [name, type] of functions) {
    // `[method]…` and the like belong to resources, which have no JSON form.
    if (GENERATED.test(name) || name.startsWith('[')) continue;
    if (!FUNCTION_NAME.test(name) || name.length > 64) throw badName(name);
    const types = [
      ...type.params.map((param) => param.type),
      ...(type.result ? [type.result] : []),
    ];
    if (!types.every(isPlain)) continue;
    found.push({ export: name, type, ...(instance === undefined ? {} : { instance }) });
  }
  return found;
}

/** `docs:adder/add@0.1.0` is `add`. */
function shortName(instance: string): string {
  return instance.replace(/^.*\//, '').replace(/@.*$/, '');
}

function definitionOf(name: string, { type, instance, export: exported }: Candidate): JsonObject {
  const from = instance === undefined ? 'the component' : `\`${instance}\``;
  // A `result` at the top is an answer or an error of the call, not a value with two cases.
  const answer = type.result?.kind === 'result' ? type.result.ok : type.result;
  return {
    name,
    description: `\`${exported}\` of ${from}, arguments as its WIT has them.`,
    inputSchema: recordSchema(type.params),
    ...(answer === undefined
      ? {}
      : {
          outputSchema: {
            type: 'object',
            properties: { result: schemaOf(answer) },
            required: ['result'],
          },
        }),
  };
}
