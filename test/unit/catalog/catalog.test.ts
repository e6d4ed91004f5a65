import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openMemoryStore } from '../../../src/base/store/memory/memory-store.ts';
import { openSqliteStore } from '../../../src/base/store/sqlite/sqlite-store.ts';
import type { Store } from '../../../src/base/store/store.ts';
import {
  Catalog,
  catalogVersionTable,
  installationTable,
  toolNameTable,
} from '../../../src/catalog/catalog.ts';
import { emptyGrant } from '../../../src/catalog/grant.ts';
import type { Installation } from '../../../src/catalog/installation.ts';

const tables = [installationTable, toolNameTable, catalogVersionTable];

function installation(
  name: string,
  tools: readonly string[],
  more: Partial<Installation> = {},
): Installation {
  return {
    id: `inst_${name}`,
    name,
    digest: 'ab'.repeat(32),
    size: 1,
    engine: 'extism',
    convention: 'warder',
    tools: tools.map((tool) => ({ name: tool, description: '', inputSchema: { type: 'object' } })),
    grant: emptyGrant,
    enabled: true,
    addedAt: 1,
    imports: [],
    ...more,
  };
}

let folder: string;
const stores: Readonly<Record<string, () => Store>> = {
  memory: () => openMemoryStore({ tables, sequences: [] }),
  sqlite: () => openSqliteStore({ path: join(folder, 'state.db'), tables, sequences: [] }),
};

for (const [kind, open] of Object.entries(stores)) {
  describe(`the catalogue on ${kind}`, () => {
    let store: Store;
    let catalog: Catalog;
    beforeEach(async () => {
      folder = await mkdtemp(join(tmpdir(), 'warder-catalog-'));
      store = open();
      catalog = new Catalog(store);
    });
    afterEach(async () => {
      await store.close();
      await rm(folder, { recursive: true });
    });

    const add = (one: Installation, tenant = 'default'): Promise<Installation> =>
      store.commit((tx) => catalog.add(tx, tenant, one));

    it('finds an operation once it is committed', async () => {
      expect(() => catalog.find('default', 'a_one')).toThrow(/there is no tool/);
      const adding = add(installation('a', ['a_one', 'a_two']));
      await adding;
      const found = catalog.find('default', 'a_two');
      expect(found.installation.name).toBe('a');
      expect(found.definition.name).toBe('a_two');
      expect(catalog.find('default', 'a_two')).toBe(found);
      expect(catalog.tools('default').map(({ definition }) => definition.name)).toEqual([
        'a_one',
        'a_two',
      ]);
    });

    it('a change that is rolled back was never there', async () => {
      const failing = store.commit((tx) => {
        catalog.add(tx, 'default', installation('a', ['t']));
        throw new Error('the receipt could not be written');
      });
      await expect(failing).rejects.toThrow('the receipt');
      expect(catalog.list('default')).toEqual([]);
      await add(installation('b', ['t']));
      expect(catalog.find('default', 't').installation.name).toBe('b');
    });

    it('keeps tenants apart', async () => {
      await add(installation('a', ['t']), 'one');
      await add(installation('a', ['t'], { id: 'inst_other' }), 'two');
      expect(catalog.find('one', 't').installation.id).toBe('inst_a');
      expect(catalog.find('two', 't').installation.id).toBe('inst_other');
      expect(() => catalog.find('three', 't')).toThrow(/no tool/);
    });

    it('a name is taken once', async () => {
      await add(installation('a', ['t']));
      await expect(add(installation('b', ['u', 't']))).rejects.toMatchObject({
        code: 'conflict',
        message: expect.stringContaining('taken by `a`') as string,
      });
      await expect(add(installation('a', ['u'], { id: 'inst_2' }))).rejects.toMatchObject({
        code: 'conflict',
      });
      expect(() => catalog.find('default', 'u')).toThrow(/no tool/);
      const both = await Promise.allSettled([
        add(installation('c', ['v'])),
        add(installation('d', ['v'])),
      ]);
      expect(both.map(({ status }) => status)).toEqual(['fulfilled', 'rejected']);
    });

    it('reserved and malformed names are refused', async () => {
      for (const tool of [
        'lease_request',
        'warder_status',
        'a b',
        '',
        'x'.repeat(65),
        '__proto__',
      ]) {
        await expect(add(installation('a', [tool]))).rejects.toMatchObject({
          code: 'not-admitted',
        });
      }
      for (const name of ['A', '', '-a', 'x'.repeat(41), '../x']) {
        await expect(add(installation(name, ['t']))).rejects.toMatchObject({ code: 'usage' });
      }
    });

    it('grants, disables, enables and removes by id or name', async () => {
      await add(installation('a', ['t']));
      const change = <T>(
        work: (tx: Parameters<Parameters<Store['commit']>[0]>[0]) => T,
      ): Promise<T> => store.commit(work);
      await change((tx) => catalog.grant(tx, 'default', 'a', { ...emptyGrant, kv: true }));
      expect(catalog.find('default', 't').installation.grant.kv).toBe(true);
      await change((tx) => catalog.disable(tx, 'default', 'inst_a'));
      expect(() => catalog.find('default', 't')).toThrow('is disabled');
      expect(catalog.tools('default')).toEqual([]);
      await change((tx) => catalog.enable(tx, 'default', 'a'));
      expect(catalog.uses('ab'.repeat(32))).toBe(true);
      await change((tx) => catalog.remove(tx, 'default', 'a'));
      expect(() => catalog.find('default', 't')).toThrow(/no tool/);
      expect(catalog.uses('ab'.repeat(32))).toBe(false);
      await add(installation('b', ['t']));
      expect(catalog.find('default', 't').installation.grant.kv).toBe(false);
    });

    it('what is not there is named with what was meant', async () => {
      await add(installation('weather', ['forecast']));
      expect(() => catalog.show('default', 'wether')).toThrow('no installation');
      expect(() => catalog.find('default', 'forcast')).toThrow(
        expect.objectContaining({ hint: 'did you mean `forecast`?' }),
      );
      await expect(
        store.commit((tx) => catalog.remove(tx, 'default', 'nothing')),
      ).rejects.toMatchObject({ code: 'not-found' });
    });

    it('hands out what nobody can change', async () => {
      await add(installation('a', ['t']));
      const { installation: found } = catalog.find('default', 't');
      expect(Object.isFrozen(found.grant.limits)).toBe(true);
      expect(Object.isFrozen(found.tools)).toBe(true);
    });

    it('lists more installations than one page holds', async () => {
      await store.commit((tx) => {
        for (let index = 0; index < 1203; index += 1) {
          catalog.add(tx, 'default', installation(`n${String(index)}`, [`t${String(index)}`]));
        }
      });
      expect(catalog.list('default')).toHaveLength(1203);
      expect(catalog.find('default', 't1202').installation.name).toBe('n1202');
    });
  });
}
