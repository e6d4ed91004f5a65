import { describe, expect, it } from 'vitest';
import type { Json, JsonObject } from '../../../src/base/encoding/json.ts';
import { WarderError } from '../../../src/base/errors/errors.ts';
import type { ToolDefinition } from '../../../src/catalog/installation.ts';
import { checkArguments, checkStructured, compileSchema } from '../../../src/catalog/schemas.ts';

function refusal(schema: Json): string {
  try {
    compileSchema(schema as JsonObject);
  } catch (error) {
    if (error instanceof WarderError && error.code === 'not-admitted') return error.message;
    throw error;
  }
  return 'admitted';
}

function tool(inputSchema: JsonObject, outputSchema?: JsonObject): ToolDefinition {
  return { name: 't', description: 'd', inputSchema, ...(outputSchema && { outputSchema }) };
}

/** As the strict parser gives it: no prototype, `__proto__` an ordinary name. */
function parse(text: string): JsonObject {
  return JSON.parse(text, (_, value: unknown) =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.defineProperties(
          Object.create(null) as object,
          Object.getOwnPropertyDescriptors(value),
        )
      : value,
  ) as JsonObject;
}

function violation(
  definition: ToolDefinition,
  args: JsonObject,
): readonly { path: string; reason: string }[] {
  try {
    checkArguments(definition, args);
  } catch (error) {
    if (error instanceof WarderError && error.code === 'schema-violation') {
      return error.data['faults'] as { path: string; reason: string }[];
    }
    throw error;
  }
  return [];
}

describe('arguments', () => {
  const definition = tool({
    type: 'object',
    properties: {
      text: { type: 'string', maxLength: 5, pattern: '^[a-z]*$' },
      count: { type: 'integer', minimum: 1 },
      mode: { enum: ['a', 'b', { deep: [1] }] },
      tags: { type: 'array', items: { type: 'string' }, uniqueItems: true },
    },
    required: ['text'],
    additionalProperties: false,
  });

  it('that fit pass', () => {
    expect(
      violation(definition, parse('{"text":"abc","count":2,"mode":{"deep":[1]},"tags":["x","y"]}')),
    ).toEqual([]);
  });

  it('that do not are refused with every bad path', () => {
    const faults = violation(
      definition,
      parse('{"text":"ABCDEFG","count":0,"mode":"c","tags":["x","x",3],"extra/one":1}'),
    );
    expect(new Set(faults.map(({ path }) => path))).toEqual(
      new Set(['/text', '/count', '/mode', '/tags', '/tags/2', '/extra~1one']),
    );
  });

  it('a missing member is named', () => {
    expect(violation(definition, parse('{}'))).toEqual([{ path: '/text', reason: 'is missing' }]);
  });

  it('inherited names are not members', () => {
    const wants = tool({ type: 'object', required: ['constructor', 'toString'] });
    expect(violation(wants, {})).toHaveLength(2);
    const closed = tool({ type: 'object', properties: {}, additionalProperties: false });
    expect(
      violation(closed, parse('{"__proto__":{"x":1},"constructor":1}')).map(({ path }) => path),
    ).toEqual(['/__proto__', '/constructor']);
  });

  it('format is a note, not an assertion', () => {
    const definition = tool({
      type: 'object',
      properties: { u: { type: 'string', format: 'uri' } },
    });
    expect(violation(definition, parse('{"u":"not a uri"}'))).toEqual([]);
  });

  it('thousands of faults are reported as a few', () => {
    const many = tool({
      type: 'object',
      properties: { a: { type: 'array', items: { type: 'string' } } },
    });
    const faults = violation(many, { a: Array.from({ length: 10_000 }, () => 1) });
    expect(faults.length).toBeLessThanOrEqual(32);
    expect(faults.length).toBeGreaterThan(0);
  });
});

describe('structured answers', () => {
  it('are checked against the output schema', () => {
    const definition = tool({ type: 'object' }, { type: 'object', required: ['n'] });
    expect(checkStructured(definition, { n: 1 })).toEqual([]);
    expect(checkStructured(definition, {})).toEqual([{ path: '/n', reason: 'is missing' }]);
  });
});

describe('hostile schemas are refused at admission', () => {
  const nested = (depth: number): Json => (depth === 0 ? {} : { items: nested(depth - 1) });
  const cases: readonly (readonly [string, Json, RegExp])[] = [
    [
      'a remote reference',
      { properties: { a: { $ref: 'https://evil.example/x.json' } } },
      /nothing is fetched/,
    ],
    ['a file reference', { $ref: 'file:///etc/passwd' }, /nothing is fetched/],
    ['a relative reference', { $ref: 'other.json#/x' }, /nothing is fetched/],
    ['a nested base', { $defs: { a: { $id: 'https://evil.example/' } } }, /nested/],
    ['a reference to nowhere', { $ref: '#/$defs/missing' }, /leads to no schema/],
    ['a reference into the prototype', { $ref: '#/constructor' }, /leads to no schema/],
    [
      'a reference to an unvetted place',
      { 'x-hidden': { $ref: 'https://evil.example/' }, $ref: '#/x-hidden' },
      /leads to no schema/,
    ],
    ['look-around in a pattern', { pattern: '(?=a+)+b' }, /pattern refused/],
    [
      'a back-reference as property name',
      { patternProperties: { '(a)\\1': {} } },
      /pattern refused/,
    ],
    ['a repeat bomb', { pattern: '((a{999}){999}){999}' }, /pattern refused/],
    ['deep nesting', nested(60), /deeper/],
    ['a huge schema', { description: 'x'.repeat(200_000) }, /larger/],
    ['many subschemas', { allOf: Array.from({ length: 5000 }, () => ({})) }, /more than/],
    [
      '__proto__ as a property',
      JSON.parse('{"properties":{"__proto__":{"type":"string"}}}') as Json,
      /__proto__/,
    ],
    ['__proto__ as a requirement', { required: ['__proto__'] }, /__proto__/],
    ['unevaluatedProperties', { unevaluatedProperties: false }, /not supported/],
    ['unevaluatedItems', { items: { unevaluatedItems: false } }, /not supported/],
    ['$dynamicRef', { $dynamicRef: '#x' }, /not supported/],
    ['an older tuple', { items: [{}, {}] }, /prefixItems/],
    ['an unknown dialect', { $schema: 'https://evil.example/schema' }, /dialect/],
    ['a wrong type name', { type: 'strnig' }, /must be/],
    ['a wrong keyword value', { minLength: 'x' }, /must be/],
    ['the step marker', { 'warder:step': false }, /not supported/],
  ];
  for (const [name, schema, reason] of cases) {
    it(name, () => {
      expect(refusal(schema)).toMatch(reason);
    });
  }
});

describe('a schema built to explode ends early', () => {
  it('doubling references', () => {
    const $defs: Record<string, Json> = { l40: {} };
    for (let level = 0; level < 40; level += 1) {
      const next = { $ref: `#/$defs/l${String(level + 1)}` };
      $defs[`l${String(level)}`] = { allOf: [next, next] };
    }
    const faults = compileSchema({ $ref: '#/$defs/l0', $defs }).check({});
    expect(faults).toEqual([{ path: '', reason: 'takes too many steps to check' }]);
  });

  it('doubling recursion over a deep value', () => {
    const schema = { allOf: [{ items: { $ref: '#' } }, { items: { $ref: '#' } }] };
    let value: Json = [];
    for (let depth = 0; depth < 40; depth += 1) value = [value];
    expect(compileSchema(schema as unknown as JsonObject).check(value)).toHaveLength(1);
  });

  it('a reference to itself', () => {
    const schema = { $defs: { a: { $ref: '#/$defs/a' } }, $ref: '#/$defs/a' };
    expect(compileSchema(schema).check({})).toHaveLength(1);
  });
});
