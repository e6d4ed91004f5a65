// The required cases of the JSON-Schema-Test-Suite: a schema may be refused, never misjudged.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { WarderError } from '../../../src/base/errors/errors.ts';
import { compileSchema } from '../../../src/catalog/schemas.ts';
import type { Json, JsonObject } from '../../../src/base/encoding/json.ts';

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

/** As warder's own parser gives values: objects without a prototype. */
function bare(value: Json): Json {
  if (Array.isArray(value)) return value.map(bare);
  if (typeof value !== 'object' || value === null) return value;
  const copy = Object.create(null) as Record<string, Json>;
  for (const [key, inner] of Object.entries(value)) copy[key] = bare(inner);
  return copy;
}

if (!existsSync(folder)) {
  console.error(`SKIPPED: JSON-Schema-Test-Suite not found at ${folder}; set WARDER_VECTORS`);
}

it('no case of the JSON Schema test suite is judged wrongly', () => {
  if (!existsSync(folder)) return;
  const wrong: string[] = [];
  const refused: string[] = [];
  let judged = 0;
  const files = [
    ...readdirSync(folder),
    ...readdirSync(join(folder, 'optional')).map((name) => `optional/${name}`),
  ];
  // Asserted formats belong to another dialect; numbers like 1e308 never pass warder's JSON parser.
  const outside = /format-assertion|float-overflow/;
  for (const file of files.filter((name) => name.endsWith('.json') && !outside.test(name))) {
    const groups = JSON.parse(readFileSync(join(folder, file), 'utf8')) as Group[];
    for (const group of groups) {
      const schema = typeof group.schema === 'boolean' ? { allOf: [group.schema] } : group.schema;
      for (const test of group.tests) {
        const name = `${file}: ${group.description}: ${test.description}`;
        try {
          const valid = compileSchema(schema as JsonObject).check(bare(test.data)).length === 0;
          judged += 1;
          if (valid !== test.valid) wrong.push(name);
        } catch (error) {
          if (!(error instanceof WarderError) || error.code !== 'not-admitted') throw error;
          refused.push(`${name}: ${error.message}`);
        }
      }
    }
  }
  if (process.env['SHOW_REFUSED']) console.log(refused.join('\n'), refused.length, judged);
  expect(wrong).toEqual([]);
  expect(judged).toBeGreaterThan(900);
});
