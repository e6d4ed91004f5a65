import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { WarderError } from '../../../src/base/errors/errors.ts';
import { admit } from '../../../src/catalog/admit.ts';
import { isInterfaceAllowed } from '../../../src/catalog/import-allowlist.ts';
import { limitMemory } from '../../../src/catalog/limit-memory.ts';
import { readModule } from '../../../src/catalog/read-module.ts';

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

/** A module of the sections given as [id, bytes]. */
function moduleOf(...sections: readonly (readonly [number, readonly number[]])[]): Uint8Array {
  const header = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0];
  return Uint8Array.from([
    ...header,
    ...sections.flatMap(([id, body]) => [id, body.length, ...body]),
  ]);
}

const importOf = (module: string, name: string): readonly [number, readonly number[]] => [
  2,
  [1, module.length, ...Buffer.from(module), name.length, ...Buffer.from(name), 0, 0],
];

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

  const refused: Readonly<Record<string, RegExp>> = {
    'unknown-import': /imports `env launch_missiles`/,
    'import-constructor': /imports `constructor freeze`/,
    'memory-import': /imports `env memory` \(a memory\)/,
    'component-unknown-import': /imports `evil:host\/shell`/,
    memory64: /shared or 64-bit memory/,
    'big-table': /table elements/,
    truncated: /ends in the middle/,
  };
  for (const [name, reason] of Object.entries(refused)) {
    it(`refuses the fixture ${name}`, () => {
      expect(refusal(fixture(name))).toMatch(reason);
    });
  }

  it('refuses what is no WebAssembly of a known version', () => {
    const cases = [
      new Uint8Array(),
      Buffer.from('(module)'),
      Buffer.from('#!/bin/sh'),
      Uint8Array.of(0, 0x61, 0x73, 0x6d, 2, 0, 0, 0),
      Uint8Array.of(0, 0x61, 0x73, 0x6d, 0x0c, 0, 1, 0),
    ];
    for (const bytes of cases) expect(refusal(bytes)).toMatch(/no WebAssembly module or component/);
  });

  it('names of the object prototype open nothing', () => {
    for (const name of ['constructor', '__proto__', 'toString', 'hasOwnProperty', 'prototype']) {
      expect(refusal(moduleOf(importOf(name, name)))).toMatch(/which warder does not offer/);
      expect(refusal(moduleOf(importOf('extism:host/env', name)))).toMatch(
        /which warder does not offer/,
      );
    }
  });

  it('a slip in a name is met with what was meant', () => {
    try {
      admit(moduleOf(importOf('extism:host/env', 'http_requst')));
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
      'wasi:sockets/tcp@0.2.0',
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

  it('refuses hostile lengths, orders and names', () => {
    const cases: readonly (readonly [string, Uint8Array])[] = [
      [
        'a section longer than the file',
        Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 2, 0xff, 0xff, 0xff, 0xff, 0x0f),
      ],
      ['a count larger than the section', moduleOf([2, [0xff, 0x07]])],
      ['a number of more than 32 bits', moduleOf([2, [0xff, 0xff, 0xff, 0xff, 0x7f]])],
      ['a name that is not UTF-8', moduleOf([2, [1, 1, 0xff, 1, 0x61, 0, 0]])],
      ['an unknown section', moduleOf([20, []])],
      ['a section twice', moduleOf([1, [0]], [1, [0]])],
      ['sections out of order', moduleOf([3, [0]], [1, [0]])],
      ['a shared memory', moduleOf([5, [1, 3, 1, 2]])],
      ['a memory larger than 4 GiB', moduleOf([5, [1, 0, 0x81, 0x80, 0x04]])],
      ['a maximum below its minimum', moduleOf([5, [1, 1, 2, 1]])],
      ['an export with a control character', moduleOf([7, [1, 1, 0x0a, 0, 0]])],
    ];
    for (const [name, bytes] of cases)
      expect([name, refusal(bytes)]).not.toEqual([name, 'admitted']);
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
  const wasm = (globalThis as unknown as { WebAssembly: { validate(bytes: Uint8Array): boolean } })
    .WebAssembly;

  it('becomes the maximum where there was none or a larger one', () => {
    for (const name of ['minimal', 'grow', 'vars']) {
      const limited = limitMemory(fixture(name), 10 * 65_536);
      expect(maximum(limited)).toEqual([10]);
      expect(wasm.validate(limited)).toBe(true);
    }
    expect(maximum(limitMemory(moduleOf([5, [1, 1, 1, 0x80, 0x01]]), 10 * 65_536))).toEqual([10]);
  });

  it('leaves a smaller maximum, and a module without memory', () => {
    expect(maximum(limitMemory(moduleOf([5, [1, 1, 1, 5]]), 10 * 65_536))).toEqual([5]);
    const plain = fixture('plain');
    expect(limitMemory(plain, 65_536)).toBe(plain);
  });

  it('is shared by several memories', () => {
    expect(maximum(limitMemory(moduleOf([5, [2, 0, 1, 0, 1]]), 10 * 65_536))).toEqual([5, 5]);
  });

  it('refuses a module that starts above it, naming what it needs', () => {
    try {
      limitMemory(fixture('big-memory'), 64 * 1024 ** 2);
      expect.unreachable();
    } catch (error) {
      expect(error).toMatchObject({
        code: 'not-admitted',
        hint: expect.stringContaining('--max-memory') as string,
      });
    }
  });
});
