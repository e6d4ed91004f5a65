import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { WarderError } from '../../../src/base/errors/errors.ts';
import { admit } from '../../../src/catalog/admit.ts';
import { isInterfaceAllowed, knownImports } from '../../../src/catalog/import-allowlist.ts';
import { boundModule, startSizes } from '../../../src/catalog/bound-module.ts';
import { readModule } from '../../../src/catalog/read-module.ts';
import { importing, leb, list, moduleOf, PLAIN_TYPE, text } from '../../support/wasm-bytes.ts';

const folder = join(import.meta.dirname, '../../fixtures/wasm');
const fixture = (name: string): Uint8Array =>
  new Uint8Array(readFileSync(join(folder, `${name}.wasm`)));

function refusal(bytes: Uint8Array): string {
  try {
    admit(bytes);
  } catch (error) {
    if (error instanceof WarderError && error.code === 'not-admitted' && error.hint !== undefined)
      return error.message;
    throw error;
  }
  return 'admitted';
}

const wasm = (globalThis as unknown as { WebAssembly: { validate(bytes: Uint8Array): boolean } })
  .WebAssembly;

describe('admission', () => {
  it('says what a binary is, over its exact bytes', () => {
    const bytes = fixture('kv-once');
    expect(admit(bytes)).toEqual({
      engine: 'extism',
      digest: createHash('sha256').update(bytes).digest('hex'),
      size: bytes.length,
      imports: expect.arrayContaining(['extism:host/user kv_set']) as string[],
      minimumMemory: 65_536,
    });
    expect(admit(fixture('typed'))).toMatchObject({
      engine: 'component',
      imports: [],
      minimumMemory: 65_536,
    });
    expect(admit(fixture('probe-component')).imports).toContain('warder:tool/kv@0.1.0');
  });

  it('a slip in a name is met with what was meant', () => {
    try {
      admit(importing('extism:host/env', 'http_requst'));
      expect.unreachable();
    } catch (error) {
      expect((error as WarderError).hint).toContain('did you mean `extism:host/env http_request`?');
    }
  });

  it('interfaces are allowed by name and version', () => {
    for (const name of [
      'warder:tool/kv@0.1.0',
      'wasi:cli/stdout@0.2.12',
      'wasi:http/outgoing-handler@0.2.0',
    ]) {
      expect([name, isInterfaceAllowed(name)]).toEqual([name, true]);
    }
    for (const name of [
      'wasi:sockets/unix@0.2.0',
      'wasi:sockets/tcp@0.3.0',
      'wasi:cli/run@0.2.0',
      'wasi:http/incoming-handler@0.2.0',
      'warder:tool/kv@0.2.0',
      'warder:tool/kv',
      'wasi:cli/stdout@0.3.0',
      'wasi:cli/stdout@0.2.0/../x',
    ]) {
      expect([name, isInterfaceAllowed(name)]).toEqual([name, false]);
    }
  });

  it('every function a plugin may import is taken with its type, and refused with another', () => {
    for (const each of knownImports()) {
      const [module, name] = each.split(' ');
      if (module === undefined || name === undefined) continue;
      expect([each, refusal(importing(module, name))]).toEqual([
        each,
        expect.stringContaining(`it imports \`${each}\` as \`->\`, but it is`),
      ]);
    }
    const types = [1, list([0x60, 1, 0x7e, 1, 0x7e])] as const;
    const alloc = [2, list([...text('extism:host/env'), ...text('alloc'), 0, 0])] as const;
    expect(refusal(moduleOf(types, alloc))).toBe('admitted');
  });

  it('takes numbers written longer than they need to be', () => {
    expect(refusal(moduleOf([5, [...leb(1, 5), 1, ...leb(1, 5), ...leb(2, 4)]]))).toBe('admitted');
  });

  it('takes what compilers use: exceptions, several memories, tail calls, vectors', () => {
    const tag = [13, list([0, 0])] as const;
    const body = (...code: number[]): readonly [number, number[]] => [
      10,
      list([...leb(code.length + 2), 0, ...code, 0x0b]),
    ];
    const functions = [3, list([0])] as const;
    for (const bytes of [
      moduleOf(PLAIN_TYPE, functions, [5, list([0, 1], [0, 2])], tag, body(0x08, 0)),
      moduleOf(PLAIN_TYPE, functions, body(0x12, 0)),
      moduleOf([6, list([0x7b, 0, 0xfd, 12, ...Array.from({ length: 16 }, () => 7), 0x0b])]),
      moduleOf([6, list([0x7f, 0, 0x41, 1, 0x41, 2, 0x6a, 0x0b])]),
      moduleOf(PLAIN_TYPE, functions, [4, list([0x40, 0, 0x70, 0, 1, 0xd2, 0, 0x0b])], body()),
    ]) {
      expect(refusal(bytes)).toBe('admitted');
      expect(wasm.validate(bytes)).toBe(true);
      expect(wasm.validate(boundModule(bytes, { memoryBytes: 10 * 65_536 }))).toBe(true);
    }
  });

  it('refuses a file over the size limit', () => {
    expect(() => admit(fixture('plain'), { fileBytes: 10, memoryBytes: 1 })).toThrow('larger than');
  });

  it('answers for any bytes at all', () => {
    const seeds = readdirSync(folder).filter(
      (name) => name.endsWith('.wasm') && !name.startsWith('probe'),
    );
    const damaged = fc.constantFrom(...seeds).chain((name) => {
      const bytes = new Uint8Array(readFileSync(join(folder, name)));
      return fc
        .array(fc.tuple(fc.nat(bytes.length - 1), fc.nat(255)), { minLength: 1, maxLength: 8 })
        .map((changes) => {
          const copy = bytes.slice();
          for (const [at, value] of changes) copy[at] = value;
          return copy;
        });
    });
    fc.assert(
      fc.property(fc.oneof(damaged, fc.uint8Array({ maxLength: 200 })), (bytes) => {
        refusal(bytes);
      }),
      { numRuns: 1500 },
    );
  });
});

describe('the memory limit', () => {
  const maximum = (bytes: Uint8Array): (number | undefined)[] =>
    readModule(bytes).memories.map((memory) => memory.maximum);
  it('becomes the maximum where there was none or a larger one', () => {
    for (const name of ['minimal', 'grow', 'vars']) {
      const limited = boundModule(fixture(name), { memoryBytes: 10 * 65_536 });
      expect(maximum(limited)).toEqual([10]);
      expect(wasm.validate(limited)).toBe(true);
    }
    expect(
      maximum(boundModule(moduleOf([5, [1, 1, 1, 0x80, 0x01]]), { memoryBytes: 10 * 65_536 })),
    ).toEqual([10]);
  });

  it('leaves a smaller maximum, and a module without memory', () => {
    const small = moduleOf([5, [1, 1, 1, 5]]);
    expect(maximum(boundModule(small, { memoryBytes: 10 * 65_536 }))).toEqual([5]);
    const none = moduleOf(PLAIN_TYPE);
    expect(boundModule(none, { memoryBytes: 65_536 })).toEqual(none);
  });

  it('is shared by several memories, above what they start with', () => {
    const two = moduleOf([5, list([0, 7], [0, 1])]);
    expect(maximum(boundModule(two, { memoryBytes: 10 * 65_536 }))).toEqual([8, 2]);
    expect(() => boundModule(two, { memoryBytes: 7 * 65_536 })).toThrow('more memory than');
  });

  it('holds for tables too', () => {
    const two = moduleOf([4, list([0x70, 0, 7], [0x6f, 1, 0, 3])]);
    const bounded = readModule(boundModule(two, { memoryBytes: 0, tableElements: 17 }));
    expect(bounded.tables).toEqual([
      { minimum: 7, maximum: 12 },
      { minimum: 0, maximum: 3 },
    ]);
    const { tables } = readModule(boundModule(two, { memoryBytes: 0 }));
    expect(tables[0]?.maximum).toBeLessThanOrEqual(262_144);
    expect(startSizes(two)).toEqual({ memories: 0, memoryBytes: 0, tables: 2, tableElements: 7 });
  });

  it('every memory is exported to be measured, wherever the exports stand', () => {
    const imported = [2, list([...text('m'), ...text('n'), 2, 0, 1])] as const;
    const memories = [5, list([0, 1], [0, 2])] as const;
    const exported = [7, list([...text('x'), 2, 0])] as const;
    const data = [11, list([1, ...list([1])])] as const;
    const cases = [
      [moduleOf(memories), [' memory 0', ' memory 1']],
      [moduleOf(memories, exported), ['x', ' memory 0', ' memory 1']],
      [moduleOf(memories, data), [' memory 0', ' memory 1']],
      [moduleOf(imported, memories, exported, data), ['x', ' memory 1', ' memory 2']],
      [moduleOf(imported, exported), ['x']],
      [moduleOf(PLAIN_TYPE, [7, list()]), []],
    ] as const;
    for (const [bytes, names] of cases) {
      const bounded = boundModule(bytes, { memoryBytes: 100 * 65_536 });
      expect(readModule(bounded).exports.map(({ name }) => name)).toEqual(names);
      expect(wasm.validate(bounded)).toBe(true);
    }
  });

  it('custom sections are left out', () => {
    const noted = moduleOf([0, text('name')], PLAIN_TYPE, [
      0,
      [...text('sourceMappingURL'), 1, 65],
    ]);
    expect(boundModule(noted, { memoryBytes: 0 })).toEqual(moduleOf(PLAIN_TYPE));
  });

  it('refuses a module that starts above it, naming what it needs', () => {
    try {
      boundModule(fixture('big-memory'), { memoryBytes: 64 * 1024 ** 2 });
      expect.unreachable();
    } catch (error) {
      expect(error).toMatchObject({
        code: 'not-admitted',
        hint: expect.stringContaining('--max-memory') as string,
      });
    }
  });
});
