// One row of the local trust table: how far an operator trusts a principal, for what, and until when.

import type { Json, JsonObject } from '../../base/encoding/json.ts';
import { WarderError } from '../../base/errors/errors.ts';
import type { Table } from '../../base/store/store.ts';
import { didYouMean, showText } from '../../catalog/names.ts';
import { isTrustCapabilities, isTrustLevel } from '../policy/circumstances.ts';

/** What an operator says of a principal of one tenant. Key: the principal. */
export interface TrustEntry {
  readonly principal: string;
  /** 0 to 100. */
  readonly level: number;
  /** Names policies ask for, sorted: `payments`, `reviewed`. */
  readonly capabilities: readonly string[];
  /** Wall milliseconds from which on it says nothing any more; absent: for good. */
  readonly expiresAt?: number;
  /** For people. */
  readonly note?: string;
}

/** Entries by principal. */
export const trustTable: Table<TrustEntry> = { name: 'trust', indexes: {} };

const MEMBERS = ['principal', 'level', 'capabilities', 'expiresAt', 'note'];
const PRINCIPAL_MAX = 256;
const NOTE_MAX = 500;

/**
 * Reads an entry strictly.
 *
 * @param now wall milliseconds: an end has to lie after it.
 * @throws WarderError `malformed` that lists every bad member.
 */
export function parseTrustEntry(json: Json, now: number): TrustEntry {
  const problems: string[] = [];
  const fields = isObject(json) ? json : {};
  if (!isObject(json)) problems.push('it is not an object');
  for (const member of Object.keys(fields)) {
    if (MEMBERS.includes(member)) continue;
    const near = didYouMean(member, MEMBERS);
    const meant = near === undefined ? '' : `, did you mean \`${near}\`?`;
    problems.push(`unknown member \`${showText(member)}\`${meant}`);
  }
  const { principal, level, capabilities = [], expiresAt, note } = fields;
  if (!isText(principal, PRINCIPAL_MAX)) {
    problems.push(`\`principal\` is not a text of at most ${PRINCIPAL_MAX} characters`);
  }
  if (!isTrustLevel(level)) problems.push('`level` is not a whole number from 0 to 100');
  if (!isTrustCapabilities(capabilities)) {
    problems.push('`capabilities` is not a list of names like `payments`');
  }
  if (
    expiresAt !== undefined &&
    !(Number.isSafeInteger(expiresAt) && (expiresAt as number) > now)
  ) {
    problems.push('`expiresAt` is not a time to come');
  }
  if (note !== undefined && !isText(note, NOTE_MAX)) {
    problems.push(`\`note\` is not a text of at most ${NOTE_MAX} characters`);
  }
  if (problems.length > 0) {
    throw new WarderError('malformed', `that is no trust entry: ${problems.join('; ')}`, {
      hint: 'for example `warder trust set agent:desk --level 60 --capability payments`',
      data: { problems },
    });
  }
  return Object.freeze({
    principal: principal as string,
    level: level as number,
    capabilities: Object.freeze([...new Set(capabilities as readonly string[])].sort()),
    ...(expiresAt === undefined ? {} : { expiresAt: expiresAt as number }),
    ...(note === undefined ? {} : { note: note as string }),
  });
}

function isText(value: Json | undefined, most: number): value is string {
  return typeof value === 'string' && value !== '' && value.length <= most && value.isWellFormed();
}

function isObject(value: Json): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
