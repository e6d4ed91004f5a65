// A second opinion from outside: any program that reads what is asked and says whether it looks risky.

import { type JsonObject, isJsonObject } from '../../base/encoding/json.ts';
import { parseJson } from '../../base/encoding/parse-json.ts';
import { showText } from '../../catalog/names.ts';

/** What a classifier is told of a call. */
export interface ClassifierQuestion {
  readonly tool: string;
  /** SHA-256 over the RFC 8785 bytes of tool and arguments, hex. */
  readonly argumentsDigest: string;
  /** Names of what was noticed. */
  readonly signals: readonly string[];
  /** Only when the config says so. */
  readonly arguments?: JsonObject;
}

/** What it says. */
export interface ClassifierAnswer {
  readonly verdict: 'none' | 'ask' | 'refuse';
  /** For the person who is asked; may be empty. */
  readonly note: string;
}

export interface Classifier {
  /** Rejects when there is no answer in time, or none that can be read. */
  classify(question: ClassifierQuestion): Promise<ClassifierAnswer>;
}

/** Longest answer read, bytes. */
export const ANSWER_MAX: number = 16 << 10;
const NOTE_SHOWN = 200;

/**
 * Reads an answer strictly.
 *
 * @throws WarderError `malformed` for what is not JSON, TypeError for what is no answer.
 */
export function parseClassifierAnswer(bytes: Uint8Array): ClassifierAnswer {
  const json = parseJson(bytes, { maxBytes: ANSWER_MAX, maxDepth: 2 });
  if (!isJsonObject(json)) throw new TypeError('the answer is no object');
  const { verdict, note = '', ...unknown } = json;
  if (verdict !== 'none' && verdict !== 'ask' && verdict !== 'refuse') {
    throw new TypeError('`verdict` is not `none`, `ask` or `refuse`');
  }
  if (typeof note !== 'string') throw new TypeError('`note` is not a text');
  if (Object.keys(unknown).length > 0) throw new TypeError('it has members nobody knows');
  return { verdict, note: showText(note, NOTE_SHOWN) };
}
