// Every hostile binary is refused from its bytes alone: nothing transpiles, compiles or describes it. The
// naive form, compiling first, takes the larger part of them.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WarderError } from '../../../src/base/errors/errors.ts';
import { emptyGrant } from '../../../src/catalog/grant.ts';
import type { Inspector } from '../../../src/catalog/installation.ts';
import { PackageFiles } from '../../../src/catalog/package-files.ts';
import { prepareInstallation } from '../../../src/catalog/prepare.ts';
import { createPackageSource } from '../../../src/front/daemon/package-source.ts';
import { HOSTILE_BINARIES } from '../../fixtures/hostile-binaries.ts';

const wasm = (globalThis as unknown as { WebAssembly: { validate(bytes: Uint8Array): boolean } })
  .WebAssembly;

let home: string;
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'warder-corpus-'));
});
afterAll(() => rm(home, { recursive: true }));

const options = { id: 'inst_x', name: 'hostile', grant: emptyGrant, now: 0 };

for (const [group, binaries] of Object.entries(HOSTILE_BINARIES)) {
  describe(group, () => {
    it.each(Object.entries(binaries))('%s', async (_, { bytes, reason, compiles }) => {
      let inspected = 0;
      const inspector: Inspector = {
        inspect: () => {
          inspected += 1;
          return Promise.reject(new Error('it was compiled'));
        },
      };
      const error = await prepareInstallation(bytes, inspector, options).catch((e: unknown) => e);
      expect(error).toBeInstanceOf(WarderError);
      expect(error).toMatchObject({ code: 'not-admitted', message: expect.stringMatching(reason) });
      expect((error as WarderError).hint).toBeDefined();
      expect(inspected).toBe(0);
      if (compiles) expect(wasm.validate(bytes)).toBe(true);
    });
  });
}

describe('one that is installed already, as by a version that knew less', () => {
  const all = Object.values(HOSTILE_BINARIES).flatMap((group) => Object.entries(group));

  it('is refused when it is loaded', async () => {
    const files = new PackageFiles(join(home, 'tools'));
    const source = createPackageSource(
      { cache: join(home, 'cache'), keys: home } as Parameters<typeof createPackageSource>[0],
      files,
    );
    for (const [name, { bytes, reason }] of all) {
      const digest = await files.write(bytes);
      await expect(source.load(digest), name).rejects.toThrow(reason);
    }
  });
});
