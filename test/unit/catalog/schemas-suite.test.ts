// The required cases of the JSON-Schema-Test-Suite: a schema may be refused, never misjudged.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { WarderError } from '../../../src/base/errors/errors.ts';
import { compileSchema } from '../../../src/catalog/schemas.ts';
import type { Json, JsonObject } from '../../../src/base/encoding/json.ts';
import { parseJson } from '../../../src/base/encoding/parse-json.ts';

const vectors =
  process.env['WARDER_VECTORS'] ?? join(import.meta.dirname, '../../../../shared/vectors');
const folder = join(vectors, 'jsts/tests/draft2020-12');

interface Group {
  readonly description: string;
  readonly schema: Json;
  readonly tests: readonly {
    readonly description: string;
    readonly data: Json;
    readonly valid: boolean;
  }[];
}

const files = existsSync(folder)
  ? [
      ...readdirSync(folder),
      ...readdirSync(join(folder, 'optional')).map((name) => `optional/${name}`),
    ].filter((name) => name.endsWith('.json'))
  : [];
if (files.length === 0) {
  console.error(`SKIPPED: JSON-Schema-Test-Suite not found at ${folder}; set WARDER_VECTORS`);
}

/** What the vetting refuses by name: references elsewhere, `unevaluated...`, other dialects, big numbers. */
const REFUSED_WHOLE = [
  'defs.json',
  'dynamicRef.json',
  'refRemote.json',
  'unevaluatedItems.json',
  'unevaluatedProperties.json',
  'vocabulary.json',
  'optional/bignum.json',
  'optional/cross-draft.json',
  'optional/dependencies-compatibility.json',
  'optional/dynamicRef.json',
  'optional/float-overflow.json',
  'optional/format-assertion.json',
  'optional/id.json',
  'optional/refOfUnknownKeyword.json',
  'optional/unknownKeyword.json',
];

/** What becomes of one case: judged, or refused before anything is judged. */
function verdictOf(schema: Json, data: Json): 'valid' | 'invalid' | 'refused' {
  try {
    // Through warder's own parser, as both come in.
    const read = (value: Json): Json => parseJson(JSON.stringify(value));
    const whole = typeof schema === 'boolean' ? { allOf: [schema] } : schema;
    const compiled = compileSchema(read(whole) as JsonObject);
    return compiled.check(read(data)).length === 0 ? 'valid' : 'invalid';
  } catch (error) {
    if (!(error instanceof WarderError)) throw error;
    if (error.code === 'not-admitted' || error.code === 'malformed') return 'refused';
    throw error;
  }
}

it.skipIf(files.length === 0)('no case of the JSON Schema test suite is judged wrongly', () => {
  const wrong: string[] = [];
  const refused = new Map<string, number>();
  let judged = 0;
  let cases = 0;
  for (const file of files) {
    const groups = JSON.parse(readFileSync(join(folder, file), 'utf8')) as Group[];
    for (const { schema, description, tests } of groups) {
      for (const test of tests) {
        cases += 1;
        const verdict = verdictOf(schema, test.data);
        if (verdict === 'refused') refused.set(file, (refused.get(file) ?? 0) + 1);
        else judged += 1;
        if (verdict === (test.valid ? 'invalid' : 'valid')) {
          wrong.push(`${file}: ${description}: ${test.description}`);
        }
      }
    }
  }
  const kept = cases - judged;
  console.log(`JSON Schema test suite: ${cases} cases, ${judged} judged, ${kept} refused`);
  expect(wrong).toEqual([]);
  expect([...refused.values()].reduce((sum, count) => sum + count, 0) + judged).toBe(cases);
  // Refusing everything would be right, too, and of no use: whole files are refused only for what the
  // vetting names.
  expect(judged / cases).toBeGreaterThan(0.7);
  const whole = files.filter((file) => {
    const groups = JSON.parse(readFileSync(join(folder, file), 'utf8')) as Group[];
    const all = groups.reduce((sum, { tests }) => sum + tests.length, 0);
    return refused.get(file) === all;
  });
  expect(whole).toEqual(REFUSED_WHOLE);
});
