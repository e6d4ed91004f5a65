import { describe, expect, it } from 'vitest';
import { parseCapabilities } from '../../../src/trust/lease/capability.ts';

describe('capabilities', () => {
  it('reports every bad path at once', () => {
    expect(() =>
      parseCapabilities([
        { type: 'tool.call', tools: ['ok', '', 'ok', 7] },
        { type: 'http.call', methods: [], origins: ['HTTPS://x'], paths: ['x'], burst: 1 },
        'text',
        { type: 'fs.read' },
        { type: 'spend', currency: 'eur', amount: 1 },
        { type: '__proto__' },
      ]),
    ).toThrow(
      expect.objectContaining({
        code: 'malformed',
        data: {
          problems: [
            expect.stringContaining('[0].tools[1]'),
            expect.stringContaining('[0].tools[2] stands twice'),
            expect.stringContaining('[0].tools[3]'),
            expect.stringContaining('[1] has no member "burst"'),
            expect.stringContaining('[1].methods'),
            expect.stringContaining('[1].origins[0]'),
            expect.stringContaining('[1].paths[0]'),
            expect.stringContaining('[2] must be an object'),
            expect.stringContaining('[3].paths'),
            expect.stringContaining('[4].currency'),
            expect.stringContaining('[5].type'),
          ],
        },
      }),
    );
  });

  it.each([undefined, null, {}, 'x', 7, { length: 1 }])('refuses %j', (json) => {
    expect(() => parseCapabilities(json)).toThrow(expect.objectContaining({ code: 'malformed' }));
  });

  it('gives frozen copies: changing the input afterwards changes nothing', () => {
    const tools = ['a'];
    const input = [{ type: 'tool.call', tools }];
    const parsed = parseCapabilities(input);
    tools.push('b');
    input.push({ type: 'tool.call', tools: ['c'] });
    expect(parsed).toEqual([{ type: 'tool.call', tools: ['a'] }]);
    expect(Object.isFrozen(parsed) && Object.isFrozen(parsed[0])).toBe(true);
    expect(() => (parsed[0] as unknown as { tools: string[] }).tools.push('x')).toThrow(TypeError);
  });

  it('reads 64 capabilities of 256 long patterns without trouble', () => {
    const paths = Array.from({ length: 256 }, (_, n) => `/${String(n)}${'*a'.repeat(500)}`);
    const many = Array.from({ length: 64 }, () => ({ type: 'fs.read', paths }));
    expect(parseCapabilities(many)).toHaveLength(64);
  });
});
