// Reads a guest's answer, hostile JSON, into a ToolAnswer: known members only, bounded, or nothing.

import type { Json, JsonObject } from '../../base/encoding/json.ts';
import { parseJson } from '../../base/encoding/parse-json.ts';
import { WarderError } from '../../base/errors/errors.ts';
import type { ToolAnswer, ToolContent } from './runner.ts';

const MAX_DEPTH = 64;
const MAX_PIECES = 256;
const MIME_TYPE = /^[a-z0-9][a-z0-9!#$&^_.+-]{0,126}\/[a-z0-9][a-z0-9!#$&^_.+-]{0,126}$/i;
const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;

const MEMBERS: ReadonlySet<string> = new Set(['content', 'structuredContent', 'isError', '_meta']);

/**
 * Parses the bytes of a CallToolResult. Members MCP adds to it (`_meta`, annotations) are left out.
 *
 * @throws WarderError `tool-failed` saying what is wrong with it.
 */
export function readAnswer(bytes: Uint8Array, maxBytes: number): ToolAnswer {
  let value: Json;
  try {
    value = parseJson(bytes, { maxBytes, maxDepth: MAX_DEPTH });
  } catch (cause) {
    const why = cause instanceof WarderError ? cause.message : 'it is not JSON';
    throw refused(why, cause);
  }
  if (!isObject(value)) throw refused('it is not a JSON object');
  for (const name of Object.keys(value)) {
    if (!MEMBERS.has(name)) throw refused(`it has a member \`${name.slice(0, 64)}\``);
  }
  const { content, structuredContent, isError } = value;
  if (!Array.isArray(content)) throw refused('`content` is not an array');
  if (content.length > MAX_PIECES) throw refused(`\`content\` has more than ${MAX_PIECES} pieces`);
  if (isError !== undefined && isError !== null && typeof isError !== 'boolean') {
    throw refused('`isError` is neither true nor false');
  }
  const pieces = content.map(readContent);
  const answer = { content: pieces, isError: isError === true };
  if (structuredContent === undefined || structuredContent === null) return answer;
  if (!isObject(structuredContent)) throw refused('`structuredContent` is not an object');
  return { ...answer, structuredContent };
}

function readContent(piece: Json): ToolContent {
  if (!isObject(piece)) throw refused('a piece of `content` is not an object');
  const { type } = piece;
  if (type === 'text') {
    const { text } = piece;
    if (typeof text !== 'string') throw refused('a text piece has no `text`');
    return { type, text };
  }
  if (type === 'image' || type === 'audio') {
    const { mimeType, data } = piece;
    if (typeof mimeType !== 'string' || !MIME_TYPE.test(mimeType)) {
      throw refused(`an ${type} piece has no proper \`mimeType\``);
    }
    if (typeof data !== 'string' || data.length % 4 !== 0 || !BASE64.test(data)) {
      throw refused(`an ${type} piece has no base64 \`data\``);
    }
    return { type, mimeType, data };
  }
  throw refused('a piece of `content` is neither text, image nor audio');
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function refused(why: string, cause?: unknown): WarderError {
  const message = `answered something that is not a tool answer: ${why}`;
  return new WarderError('tool-failed', message, cause === undefined ? {} : { cause });
}
