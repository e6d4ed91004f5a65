import { createHash } from 'node:crypto';

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { WarderError } from '../../../../src/base/errors/errors.ts';
import { parseToolCall } from '../../../../src/decide/request/parse-tool-call.ts';

function codeOf(work: () => unknown): string {
  try {
    work();
  } catch (thrown) {
    if (thrown instanceof WarderError) return thrown.code;
    throw thrown;
  }
  return 'nothing thrown';
}

describe('what is read', () => {
  test('text, bytes and a parsed value of one call have one digest and one set of bytes', () => {
    const text = '{"b": [1, 2.50, -0], "a": "\\u00e9", "": {"x": null}}';
    const calls = [
      text,
      new TextEncoder().encode(text),
      { parsed: JSON.parse(text) as unknown },
    ].map((input) => parseToolCall('text_echo', input));
    const canonical = '{"":{"x":null},"a":"é","b":[1,2.5,0]}';
    const digest = createHash('sha256')
      .update(`{"arguments":${canonical},"tool":"text_echo"}`)
      .digest('hex');
    for (const call of calls) {
      expect(new TextDecoder().decode(call.argumentBytes)).toBe(canonical);
      expect(call.digest).toBe(digest);
    }
  });

  test('absent arguments are no arguments', () => {
    expect(parseToolCall('t', { parsed: undefined }).digest).toBe(parseToolCall('t', '{}').digest);
  });

  test('the digest names the tool', () => {
    expect(parseToolCall('a', '{}').digest).not.toBe(parseToolCall('b', '{}').digest);
  });

  test('any JSON object survives unchanged', () => {
    const value = fc.dictionary(fc.string({ unit: 'binary' }), fc.jsonValue({ maxDepth: 5 }));
    fc.assert(
      fc.property(value, (parsed) => {
        const text = JSON.stringify(parsed);
        let call;
        try {
          call = parseToolCall('t', { parsed: JSON.parse(text) as unknown });
        } catch (thrown) {
          // Integers beyond 2^53 and lone surrogates are refused, in both forms alike.
          expect(thrown).toBeInstanceOf(WarderError);
          expect(() => parseToolCall('t', text)).toThrow(WarderError);
          return;
        }
        expect(call.digest).toBe(parseToolCall('t', text).digest);
        const back: unknown = JSON.parse(new TextDecoder().decode(call.argumentBytes));
        expect(back).toEqual(JSON.parse(text));
      }),
      { numRuns: 50 },
    );
  });
});

describe('what nobody can change afterwards', () => {
  test('the call and its arguments are frozen through and through', () => {
    const call = parseToolCall('t', '{"a":{"b":[{"c":1}]}}');
    const frozen = (value: unknown): boolean =>
      typeof value !== 'object' ||
      value === null ||
      (Object.isFrozen(value) && Object.values(value).every(frozen));
    expect(Object.isFrozen(call)).toBe(true);
    expect(frozen(call.arguments)).toBe(true);
  });

  test('writing to the bytes or to the object that was handed in changes nothing', () => {
    const given = { list: [1] };
    const call = parseToolCall('t', { parsed: given });
    given.list.push(2);
    call.argumentBytes.fill(0);
    expect(new TextDecoder().decode(call.argumentBytes)).toBe('{"list":[1]}');
    expect(call.arguments['list']).toEqual([1]);
  });

  test('`__proto__` is a member like any other', () => {
    for (const input of [
      '{"__proto__":{"admin":true}}',
      { parsed: JSON.parse('{"__proto__":{"admin":true}}') as unknown },
    ]) {
      const call = parseToolCall('t', input);
      expect(Object.getPrototypeOf(call.arguments)).toBe(null);
      expect(Object.keys(call.arguments)).toEqual(['__proto__']);
      expect(call.arguments['admin']).toBe(undefined);
    }
  });

  test('a getter is read once', () => {
    let reads = 0;
    const given = Object.defineProperty({}, 'x', {
      enumerable: true,
      get: () => (reads += 1),
    });
    const call = parseToolCall('t', { parsed: given });
    expect(call.arguments['x']).toBe(1);
    expect(new TextDecoder().decode(call.argumentBytes)).toBe('{"x":1}');
  });
});

describe('what is refused', () => {
  const nested = (depth: number): string => '{"a":'.repeat(depth) + '1' + '}'.repeat(depth);

  test.each([
    ['no object', '[]'],
    ['null', 'null'],
    ['not JSON', '{"a":}'],
    ['two documents', '{}{}'],
    ['a repeated member', '{"a":1,"a":2}'],
    ['a repeated member, spelled otherwise', '{"a":1,"\\u0061":2}'],
    ['an integer beyond 2^53', '{"a":9007199254740993}'],
    ['an integer beyond 2^53 with an exponent', '{"a":1e300}'],
    ['a number without end', '{"a":1e999}'],
    ['a lone surrogate', '{"a":"\\ud800"}'],
    ['a lone surrogate in a name', '{"\\udc00":1}'],
    ['nesting too deep', nested(65)],
    ['nesting far too deep', nested(100_000)],
    ['bytes that are no UTF-8', new Uint8Array([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d])],
    ['NaN', { parsed: { a: Number.NaN } }],
    ['infinity', { parsed: { a: Infinity } }],
    ['a parsed integer beyond 2^53', { parsed: { a: 2 ** 53 } }],
    ['a parsed lone surrogate', { parsed: { a: '\ud800' } }],
    ['a big integer', { parsed: { a: 1n } }],
    ['undefined', { parsed: { a: undefined } }],
    ['a hole', { parsed: { a: Array.from({ length: 2 }) } }],
    ['a function', { parsed: { toJSON: () => 1 } }],
    ['a date', { parsed: { a: new Date(0) } }],
    ['a map', { parsed: { a: new Map() } }],
    ['an object of a class', { parsed: Object.create({ inherited: 1 }) as unknown }],
    ['a parsed array', { parsed: [] }],
    ['parsed nesting too deep', { parsed: JSON.parse(nested(65)) as unknown }],
  ])('%s', (_, input) => {
    expect(codeOf(() => parseToolCall('t', input))).toBe('malformed');
  });

  test('an object that contains itself', () => {
    const loop: Record<string, unknown> = {};
    loop['loop'] = loop;
    expect(codeOf(() => parseToolCall('t', { parsed: loop }))).toBe('malformed');
  });

  test.each(['', 'a b', 'a\u0000', '../é', 'x'.repeat(65), 'a\nb'])('the name %j', (name) => {
    expect(codeOf(() => parseToolCall(name, '{}'))).toBe('malformed');
  });

  test('more bytes, or more values, than the limit', () => {
    const limits = { argumentBytes: 100 };
    const long = { a: 'x'.repeat(92) };
    expect(parseToolCall('t', JSON.stringify(long), limits).argumentBytes.length).toBe(100);
    for (const each of [{ a: 'x'.repeat(93) }, { a: 'é'.repeat(50) }]) {
      expect(codeOf(() => parseToolCall('t', { parsed: each }, limits))).toBe('limit-reached');
      expect(codeOf(() => parseToolCall('t', JSON.stringify(each), limits))).not.toBe(
        'nothing thrown',
      );
    }
    const many = { parsed: { a: Array.from({ length: 50 }, () => 1) } };
    expect(codeOf(() => parseToolCall('t', many, { argumentValues: 50 }))).toBe('limit-reached');
  });

  test('10 MB of string, before it is looked at', () => {
    const parsed = { a: 'x'.repeat(10_000_000) };
    expect(codeOf(() => parseToolCall('t', { parsed }))).toBe('limit-reached');
    expect(codeOf(() => parseToolCall('t', JSON.stringify(parsed)))).toBe('limit-reached');
  });

  test('the refusal names the place', () => {
    expect(() => parseToolCall('t', { parsed: { a: [{ 'b/c': Number.NaN }] } })).toThrow(
      '`/a/0/b~1c` is not a finite number',
    );
  });
});
