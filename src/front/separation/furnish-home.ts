// The part of setup that runs as the daemon's user: what is in the home.

import { readFile } from 'node:fs/promises';
import { applyEdits, modify } from 'jsonc-parser';
import { parseJson } from '../../base/encoding/parse-json.ts';
import { isJsonObject } from '../../base/encoding/json.ts';
import { WarderError } from '../../base/errors/errors.ts';
import { writeDurably } from '../../trust/receipt/durable-file.ts';
import { parseConfig } from '../config/config.ts';
import type { Home } from '../config/home.ts';
import { setPassphrase } from './operator-passphrase.ts';

/** Handed from setup to its part in the home, over a pipe. */
export interface Furnishing {
  readonly agents: readonly string[];
  readonly operators: readonly string[];
  /** New ones, by operator. */
  readonly passphrases: Readonly<Record<string, string>>;
  /** Where the keys of a home that is made now are; in it when absent. */
  readonly key?: string;
}

/** What a new agent's leases may say: every enabled tool within its grants; policies decide what asks. */
const CAPABILITIES = [
  { type: 'tool.call', tools: ['*'] },
  { type: 'fs.read', paths: ['/**'] },
  { type: 'fs.write', paths: ['/**'] },
  { type: 'http.call', methods: ['*'], origins: ['*'], paths: ['/**'] },
];

/** Reads what {@link furnishHome} takes. */
export function parseFurnishing(bytes: Uint8Array): Furnishing {
  const json = parseJson(bytes, { maxBytes: 256 * 1024, maxDepth: 4 });
  const { agents, operators, passphrases, key } = isJsonObject(json) ? json : {};
  const areTexts = (value: unknown): value is readonly string[] =>
    Array.isArray(value) && value.every((one) => typeof one === 'string');
  if (
    areTexts(agents) &&
    areTexts(operators) &&
    isJsonObject(passphrases) &&
    areTexts(Object.values(passphrases)) &&
    (key === undefined || typeof key === 'string')
  ) {
    return {
      agents,
      operators,
      passphrases: passphrases as Readonly<Record<string, string>>,
      ...(key === undefined ? {} : { key }),
    };
  }
  throw new WarderError('usage', 'that does not come from `warder setup --separated`', {
    hint: 'run it as root; it does this part itself',
  });
}

/**
 * Puts level, agents, operators and passphrases into a home that `init` made. What the operator wrote of an
 * agent stays.
 *
 * @param isNew whether `init` made the home just now: its `default` agent goes, unless it was asked for.
 */
export async function furnishHome(home: Home, wish: Furnishing, isNew: boolean): Promise<void> {
  for (const [operator, passphrase] of Object.entries(wish.passphrases)) {
    await setPassphrase(home, operator, passphrase);
  }
  const text = await readFile(home.config, 'utf8');
  const before = parseConfig(text, home.config);
  let next = put(text, ['assurance'], 'separated');
  if (isNew && !wish.agents.includes('default')) next = put(next, ['agents', 'default'], undefined);
  for (const name of wish.agents) {
    if (Object.hasOwn(before.agents, name)) continue;
    next = put(next, ['agents', name], { capabilities: CAPABILITIES });
  }
  for (const name of wish.operators) {
    if (!before.operators.includes(name)) next = put(next, ['operators', name], {});
  }
  parseConfig(next, home.config);
  if (next !== text) await writeDurably(home.config, next);
}

function put(text: string, path: readonly string[], value: unknown): string {
  const formattingOptions = { insertSpaces: true, tabSize: 2 };
  return applyEdits(text, modify(text, [...path], value, { formattingOptions }));
}
