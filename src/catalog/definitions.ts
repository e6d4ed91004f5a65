// Turns what a package says about itself, hostile JSON, into tool definitions.

import type { Json, JsonObject } from '../base/encoding/json.ts';
import { WarderError } from '../base/errors/errors.ts';
import type { ToolDefinition } from './installation.ts';
import { hiddenCharacters, showText, toolNameFault } from './names.ts';
import { compileSchema } from './schemas.ts';

/** Most operations one package may offer. */
const MAX_TOOLS = 128;
const MAX_TITLE = 200;
const MAX_DESCRIPTION = 8192;

const KNOWN: ReadonlySet<string> = new Set([
  'name',
  'title',
  'description',
  'inputSchema',
  'outputSchema',
  'annotations',
]);
const HINTS = ['readOnlyHint', 'destructiveHint', 'idempotentHint', 'openWorldHint'] as const;

/** Definitions that hold, and what an operator should know before trusting their words. */
export interface ReadDefinitions {
  readonly tools: readonly ToolDefinition[];
  /** Plain sentences, e.g. about hidden characters in a description. */
  readonly warnings: readonly string[];
}

/**
 * Checks and copies a package's definitions.
 *
 * @param value The JSON value of the package's `describe`, or derived from its exports.
 * @throws WarderError `not-admitted` naming everything that is wrong.
 */
export function readDefinitions(value: unknown): ReadDefinitions {
  if (!Array.isArray(value)) {
    throw refused(['`describe` must answer a JSON array of definitions']);
  }
  const faults: string[] = [];
  const warnings: string[] = [];
  const tools: ToolDefinition[] = [];
  const names = new Set<string>();
  if (value.length === 0) faults.push('the package offers no operation');
  if (value.length > MAX_TOOLS) {
    throw refused([`the package offers more than ${String(MAX_TOOLS)} operations`]);
  }
  for (const [index, entry] of value.entries()) {
    const place = `definition ${String(index)}`;
    const tool = readDefinition(entry, place, faults, warnings);
    if (tool === undefined) continue;
    if (names.has(tool.name)) faults.push(`${place}: the name \`${tool.name}\` is used twice`);
    names.add(tool.name);
    tools.push(tool);
  }
  if (faults.length > 0) throw refused(faults);
  return { tools, warnings };
}

function refused(faults: readonly string[]): WarderError {
  const more = faults.length > 3 ? ` and ${String(faults.length - 3)} more` : '';
  return new WarderError('not-admitted', `${faults.slice(0, 3).join('; ')}${more}`, {
    hint: 'see `docs/tool-contract.md` for what a definition holds',
    data: { faults: faults.slice(0, 50) },
  });
}

function readDefinition(
  given: unknown,
  place: string,
  faults: string[],
  warnings: string[],
): ToolDefinition | undefined {
  const before = faults.length;
  if (!isObject(given)) {
    faults.push(`${place}: must be an object`);
    return undefined;
  }
  // Own members only.
  const entry: JsonObject = Object.assign(Object.create(null) as JsonObject, given);
  const fault = (reason: string): void => void faults.push(`${place}: ${reason}`);
  for (const key of Object.keys(entry)) {
    if (!KNOWN.has(key) && key !== '_meta' && key !== 'icons') {
      fault(`unknown member \`${showText(key, 40)}\``);
    }
  }
  const name = entry['name'];
  const nameFault = typeof name === 'string' ? toolNameFault(name) : 'must be a string';
  if (nameFault !== undefined) {
    fault(`the name ${typeof name === 'string' ? `\`${showText(name)}\` ` : ''}${nameFault}`);
  }
  const title = text(entry['title'] ?? '', 'title', MAX_TITLE, fault, warnings, place);
  const description = text(
    entry['description'] ?? '',
    'description',
    MAX_DESCRIPTION,
    fault,
    warnings,
    place,
  );
  const inputSchema = schema(entry['inputSchema'], 'inputSchema', fault);
  const outputSchema =
    entry['outputSchema'] === undefined || entry['outputSchema'] === null
      ? undefined
      : schema(entry['outputSchema'], 'outputSchema', fault);
  const annotations = hints(entry['annotations'], fault);
  if (faults.length > before) return undefined;
  return {
    name: name as string,
    ...(title === '' ? {} : { title }),
    description,
    inputSchema: inputSchema ?? {},
    ...(outputSchema === undefined ? {} : { outputSchema }),
    ...(annotations === undefined ? {} : { annotations }),
  };
}

function text(
  value: unknown,
  member: string,
  limit: number,
  fault: (reason: string) => void,
  warnings: string[],
  place: string,
): string {
  if (typeof value !== 'string') {
    fault(`\`${member}\` must be a string`);
    return '';
  }
  if (value.length > limit) fault(`\`${member}\` is longer than ${String(limit)} characters`);
  if (!value.isWellFormed()) fault(`\`${member}\` is not well-formed Unicode`);
  const hidden = hiddenCharacters(value);
  if (hidden.length > 0) {
    warnings.push(
      `${place}: \`${member}\` holds characters that do not show (${hidden.join(', ')})`,
    );
  }
  return value;
}

function schema(
  value: unknown,
  member: string,
  fault: (reason: string) => void,
): JsonObject | undefined {
  if (!isObject(value)) {
    fault(`\`${member}\` must be an object`);
    return undefined;
  }
  if (value['type'] !== 'object') {
    fault(`\`${member}\` must have \`"type": "object"\``);
    return undefined;
  }
  try {
    const copy = JSON.parse(JSON.stringify(value)) as JsonObject;
    compileSchema(copy);
    return copy;
  } catch (error) {
    if (!(error instanceof WarderError)) throw error;
    fault(`\`${member}\`: ${error.message}`);
    return undefined;
  }
}

function hints(value: unknown, fault: (reason: string) => void): ToolDefinition['annotations'] {
  if (value === undefined || value === null) return undefined;
  if (!isObject(value)) {
    fault('`annotations` must be an object');
    return undefined;
  }
  const copy: { -readonly [K in (typeof HINTS)[number]]?: boolean } = {};
  for (const hint of HINTS) {
    const given: Json | undefined = value[hint];
    if (given === undefined || given === null) continue;
    if (typeof given !== 'boolean') fault(`\`annotations.${hint}\` must be true or false`);
    else copy[hint] = given;
  }
  return copy;
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
