import { describe, expect, it } from 'vitest';
import { WarderError } from '../../../src/base/errors/errors.ts';
import { readDefinitions } from '../../../src/catalog/definitions.ts';
import { showText } from '../../../src/catalog/names.ts';

const good = {
  name: 'echo',
  title: 'Echo',
  description: 'says it again',
  inputSchema: { type: 'object' },
};

function faults(value: unknown): readonly string[] {
  try {
    readDefinitions(value);
  } catch (error) {
    if (error instanceof WarderError && error.code === 'not-admitted')
      return error.data['faults'] as string[];
    throw error;
  }
  return [];
}

describe('definitions', () => {
  it('are copied with what MCP knows', () => {
    const annotations = { readOnlyHint: true, other: 1 };
    const outputSchema = { type: 'object', properties: { n: { type: 'number' } } };
    const { tools, warnings } = readDefinitions([
      { ...good, annotations, outputSchema, _meta: {} },
    ]);
    expect(tools).toEqual([{ ...good, outputSchema, annotations: { readOnlyHint: true } }]);
    expect(warnings).toEqual([]);
  });

  it('every fault is named', () => {
    const found = faults([
      { name: 'a b', description: 5, inputSchema: [] },
      { ...good, extra: 1 },
      'text',
      good,
      good,
    ]);
    expect(found).toHaveLength(6);
    expect(found.join('\n')).toContain('definition 4: the name `echo` is used twice');
  });

  const refused: readonly (readonly [string, unknown])[] = [
    ['no array', { tools: [] }],
    ['nothing', []],
    [
      'too many',
      Array.from({ length: 129 }, (_, index) => ({ ...good, name: `t${String(index)}` })),
    ],
    ['a reserved name', [{ ...good, name: 'lease_request' }]],
    ['a reserved name in capitals', [{ ...good, name: 'WARDER_x' }]],
    ['a bidirectional name', [{ ...good, name: 'echo\u202e' }]],
    ['a schema that is no object schema', [{ ...good, inputSchema: { type: 'string' } }]],
    [
      'a remote schema',
      [{ ...good, inputSchema: { type: 'object', $ref: 'https://evil.example/' } }],
    ],
    [
      'a pattern that cannot be matched in linear time',
      [{ ...good, inputSchema: { type: 'object', patternProperties: { '(?=x)': {} } } }],
    ],
    ['a long description', [{ ...good, description: 'x'.repeat(9000) }]],
    ['half a surrogate pair', [{ ...good, description: '\ud800' }]],
    ['hints that are no booleans', [{ ...good, annotations: { readOnlyHint: 'yes' } }]],
    ['an inherited name', [Object.create(good) as object]],
  ];
  for (const [name, value] of refused) {
    it(`refuses ${name}`, () => {
      expect(faults(value)).not.toEqual([]);
    });
  }

  it('hidden and reordering characters are pointed out', () => {
    const { warnings } = readDefinitions([
      { ...good, description: 'safe\u202e\u200b\u{e0041} text' },
    ]);
    expect(warnings).toEqual([
      'definition 0: `description` holds characters that do not show (U+202E, U+200B, U+E0041)',
    ]);
  });

  it('texts for people show what hides', () => {
    expect(showText('a\u202eb\u001b[31m\nc')).toBe('a\\u{202e}b\\u{1b}[31m\\u{a}c');
  });
});
