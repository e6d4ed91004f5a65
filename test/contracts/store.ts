// What every store must do. Each back end's test hands in a way to open one.

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { NewEntry, Store, Table, Tx } from '../../src/base/store/store.ts';
import { entry, leafSequence, type Lease, leaseTable, openingTable } from './store-tables.ts';

/** @param open opens an empty store with {@link declared}. */
export function storeContract(name: string, open: () => Store): void {
  describe(`store contract: ${name}`, () => {
    let store: Store;
    beforeEach(() => {
      store = open();
    });
    afterEach(() => store.close());

    const put = (key: string, value: Lease, tenant = 'default'): Promise<void> =>
      store.commit((tx) => tx.put(leaseTable, tenant, key, value));
    const keys = (query: Parameters<Tx['list']>[2], tenant: string | undefined = 'default') =>
      store.read((reader) => reader.list(leaseTable, tenant, query)).map((row) => row.key);

    it('keeps what was put and forgets what was deleted', async () => {
      await put('a', { subject: 's', state: 'active' });
      expect(store.read((r) => r.get(leaseTable, 'default', 'a'))).toEqual({
        subject: 's',
        state: 'active',
      });
      expect(await store.commit((tx) => tx.delete(leaseTable, 'default', 'a'))).toBe(true);
      expect(await store.commit((tx) => tx.delete(leaseTable, 'default', 'a'))).toBe(false);
      expect(store.read((r) => r.get(leaseTable, 'default', 'a'))).toBeUndefined();
      expect(keys({})).toEqual([]);
      await put('a', { subject: 'again', state: 'active' });
      expect(keys({ index: ['subject', 'again'] })).toEqual(['a']);
    });

    it('refuses to insert an existing key and keeps the old value', async () => {
      await store.commit((tx) => tx.insert(leaseTable, 'default', 'a', { subject: '1', state: 1 }));
      await expect(
        store.commit((tx) => tx.insert(leaseTable, 'default', 'a', { subject: '2', state: 2 })),
      ).rejects.toMatchObject({ code: 'conflict' });
      expect(store.read((r) => r.get(leaseTable, 'default', 'a'))?.subject).toBe('1');
    });

    it('keeps tenants apart', async () => {
      await put('a', { subject: 'one', state: 'active' }, 'one');
      await put('a', { subject: 'two', state: 'active' }, 'two');
      expect(store.read((r) => r.get(leaseTable, 'one', 'a'))?.subject).toBe('one');
      expect(store.read((r) => r.get(leaseTable, 'two', 'a'))?.subject).toBe('two');
      expect(store.read((r) => r.get(leaseTable, 'three', 'a'))).toBeUndefined();
      await store.commit((tx) => tx.delete(leaseTable, 'one', 'a'));
      expect(keys({}, 'two')).toEqual(['a']);
      expect(keys({ index: ['state', 'active'] }, 'one')).toEqual([]);
      expect(store.read((r) => r.list(leaseTable, undefined)).map((row) => row.tenant)).toEqual([
        'two',
      ]);
    });

    it.each(['', 'UPPER', 'a b', '../x', 'a'.repeat(33), "x' OR '1'='1"])(
      'refuses the tenant %j',
      async (tenant) => {
        expect(() => store.read((r) => r.get(leaseTable, tenant, 'k'))).toThrow('tenant');
        await expect(put('k', { subject: 's', state: 1 }, tenant)).rejects.toMatchObject({
          code: 'usage',
        });
      },
    );

    it('gives byte members at the top level back byte for byte', async () => {
      const value = {
        salt: Uint8Array.of(0, 1, 255),
        none: new Uint8Array(0),
        '': Uint8Array.of(7),
        note: 'x',
        nested: { deep: [1, null, 'é'] },
      };
      await store.commit((tx) => tx.put(openingTable, 'default', 'a', value));
      expect(store.read((r) => r.get(openingTable, 'default', 'a'))).toEqual(value);
    });

    it('returns copies: changing one changes nothing kept', async () => {
      const bytes = Uint8Array.of(1);
      await store.commit((tx) => {
        tx.put(openingTable, 'default', 'a', { bytes });
        tx.append(leafSequence, 'default', entry('e', { bytes }));
        bytes[0] = 9;
      });
      const read = () => store.read((r) => r.get(openingTable, 'default', 'a'))?.['bytes'];
      (read() as Uint8Array)[0] = 8;
      expect(read()).toEqual(Uint8Array.of(1));
      const kept = () => store.read((r) => r.entry(leafSequence, 0))?.bytes;
      (kept() as Uint8Array)[0] = 8;
      expect(kept()).toEqual(Uint8Array.of(1));
    });

    it.each([
      ['NaN', { n: Number.NaN }],
      ['bytes below the top level', { deep: { bytes: new Uint8Array(1) } }],
      ['a class instance', { when: new Date(0) }],
      ['a function', { f: () => 1 }],
    ])('refuses %s rather than lose it', async (_what, value) => {
      await expect(
        store.commit((tx) => tx.put(openingTable, 'default', 'a', value)),
      ).rejects.toMatchObject({ code: 'internal' });
    });

    it('takes hostile keys as plain names', async () => {
      const hostile = [
        '__proto__',
        'constructor',
        "'; DROP TABLE t_lease; --",
        'a\0b',
        '',
        '%',
        '_',
      ];
      for (const key of hostile) await put(key, { subject: key, state: 'x' });
      for (const key of hostile) {
        expect(store.read((r) => r.get(leaseTable, 'default', key))?.subject).toBe(key);
        expect(keys({ index: ['subject', key] })).toEqual([key]);
      }
      expect(keys({ keyPrefix: '%' })).toEqual(['%']);
      await expect(put('\ud800', { subject: 's', state: 1 })).rejects.toMatchObject({
        code: 'usage',
      });
    });

    it('keeps names like __proto__ inside values', async () => {
      const value = JSON.parse('{"__proto__":{"x":1},"constructor":2}') as Record<string, unknown>;
      await store.commit((tx) => tx.put(openingTable, 'default', 'a', value));
      const back = store.read((r) => r.get(openingTable, 'default', 'a')) ?? {};
      expect(Object.keys(back)).toEqual(['__proto__', 'constructor']);
      expect(({} as Record<string, unknown>)['x']).toBeUndefined();
    });

    it('lists in key order by index, prefix, position and limit, both ways', async () => {
      for (const [key, state] of [
        ['a/2', 'on'],
        ['a/1', 'off'],
        ['b/1', 'on'],
        ['a', 'on'],
        ['a0', 'on'],
      ] as const) {
        await put(key, { subject: 's', state });
      }
      expect(keys({})).toEqual(['a', 'a/1', 'a/2', 'a0', 'b/1']);
      expect(keys({ reverse: true, limit: 2 })).toEqual(['b/1', 'a0']);
      expect(keys({ keyPrefix: 'a/' })).toEqual(['a/1', 'a/2']);
      expect(keys({ index: ['state', 'on'] })).toEqual(['a', 'a/2', 'a0', 'b/1']);
      expect(keys({ index: ['state', 'on'], after: 'a', limit: 2 })).toEqual(['a/2', 'a0']);
      expect(keys({ after: 'a0', reverse: true })).toEqual(['a/2', 'a/1', 'a']);
      expect(keys({ limit: 0 })).toEqual([]);
      expect(() => keys({ index: ['nonsense', 'on'] })).toThrow('no index');
    });

    it('scans every row, more than a list gives, by tenant and index', async () => {
      const many = Array.from({ length: 1100 }, (_, at) => `k${String(at).padStart(4, '0')}`);
      await store.commit((tx) => {
        for (const key of many) tx.insert(leaseTable, 'one', key, { subject: 's', state: 'on' });
        tx.insert(leaseTable, 'one', 'off', { subject: 's', state: 'off' });
        tx.insert(leaseTable, 'two', 'k', { subject: 't', state: 'on' });
      });
      const scanned = (...of: [string | undefined, (readonly [string, string])?]) =>
        store.read((reader) => [...reader.scan(leaseTable, ...of)].map(({ key }) => key).sort());
      expect(scanned('one', ['state', 'on'])).toEqual(many);
      expect(scanned('one')).toEqual([...many, 'off']);
      expect(scanned(undefined, ['state', 'on'])).toEqual(['k', ...many]);
      expect(scanned('three')).toEqual([]);
      expect(() => scanned('one', ['nonsense', 'on'])).toThrow('no index');
      expect(() => scanned('NO')).toThrow('tenant');
    });

    it('scans within a scan, sees its own transaction, and ends with its view', async () => {
      await put('a', { subject: 's', state: 'on' });
      const pairs = await store.commit((tx) => {
        tx.insert(leaseTable, 'default', 'b', { subject: 's', state: 'on' });
        const keysOf = () => [...tx.scan(leaseTable, 'default')].map(({ key }) => key).sort();
        return keysOf().flatMap((one) => keysOf().map((other) => one + other));
      });
      expect(pairs).toEqual(['aa', 'ab', 'ba', 'bb']);
      const nested = store.read((reader) => {
        const found: string[] = [];
        for (const one of reader.scan(leaseTable, 'default')) {
          for (const other of reader.scan(leaseTable, 'default')) found.push(one.key + other.key);
        }
        return found.sort();
      });
      expect(nested).toEqual(pairs);
      const kept = store.read((reader) => reader.scan(leaseTable, 'default')[Symbol.iterator]());
      expect(() => kept.next()).toThrow('after its work ended');
    });

    it('orders keys and cuts prefixes by code point', async () => {
      const all = ['\ud7ff', '\ue000', '\uffff', '\u{10000}', '\u{10ffff}', '\u{10ffff}x'];
      for (const key of all.toReversed()) await put(key, { subject: 's', state: 1 });
      expect(keys({})).toEqual(all);
      for (const prefix of all) {
        expect(keys({ keyPrefix: prefix })).toEqual(all.filter((key) => key.startsWith(prefix)));
      }
    });

    it('tells numbers from text in an index and leaves undefined out', async () => {
      await put('n', { subject: 's', state: 1 });
      await put('t', { subject: 's', state: '1' });
      await put('f', { subject: 'x', state: 1.5 });
      expect(keys({ index: ['state', 1] })).toEqual(['n']);
      expect(keys({ index: ['state', '1'] })).toEqual(['t']);
      expect(keys({ index: ['state', 1.5] })).toEqual(['f']);
      expect(keys({ index: ['subject', 'x'] })).toEqual(['f']);
      await put('f', { state: 2 });
      expect(keys({ index: ['subject', 'x'] })).toEqual([]);
      expect(keys({ index: ['state', 2] })).toEqual(['f']);
    });

    it('numbers entries from 0 without gaps over all tenants', async () => {
      const at = await Promise.all([
        store.commit((tx) => tx.append(leafSequence, 'one', entry('a'))),
        store
          .commit((tx) => {
            tx.append(leafSequence, 'one', entry('lost'));
            throw new Error('no');
          })
          .catch(() => 'thrown'),
        store.commit((tx) => [
          tx.append(leafSequence, 'two', entry('b')),
          tx.append(leafSequence, 'one', entry('c')),
        ]),
      ]);
      expect(at).toEqual([0, 'thrown', [1, 2]]);
      expect(store.read((r) => r.length(leafSequence))).toBe(3);
      expect(store.read((r) => r.entry(leafSequence, 1))).toEqual({
        ...entry('b'),
        index: 1,
        tenant: 'two',
      });
      expect(store.read((r) => r.entryById(leafSequence, 'c'))?.index).toBe(2);
      expect(store.read((r) => r.entryById(leafSequence, 'lost'))).toBeUndefined();
      expect(store.read((r) => r.entry(leafSequence, 3))).toBeUndefined();
    });

    it('refuses an entry id twice, whatever the tenant', async () => {
      await store.commit((tx) => tx.append(leafSequence, 'one', entry('a')));
      await expect(
        store.commit((tx) => tx.append(leafSequence, 'two', entry('a'))),
      ).rejects.toMatchObject({ code: 'conflict' });
      expect(store.read((r) => r.length(leafSequence))).toBe(1);
    });

    it('forgets one facet of an entry, and nothing else of it', async () => {
      const facets = { type: 'call', tool: 'echo' };
      await store.commit((tx) => tx.append(leafSequence, 'one', entry('a', { facets })));
      const failed = store.commit((tx) => {
        tx.forgetFacet(leafSequence, 0, 'tool');
        throw new Error('undone');
      });
      await expect(failed).rejects.toThrow('undone');
      expect(store.read((r) => r.entry(leafSequence, 0))?.facets).toEqual(facets);
      const forget = (): Promise<boolean> =>
        store.commit((tx) => tx.forgetFacet(leafSequence, 0, 'tool'));
      expect(await forget()).toBe(true);
      expect(await forget()).toBe(false);
      for (const found of store.read((r) => [
        r.entry(leafSequence, 0),
        r.entryById(leafSequence, 'a'),
        ...r.entries(leafSequence),
      ])) {
        expect(found).toMatchObject({ id: 'a', facets: { type: 'call' } });
        expect(found?.facets).not.toHaveProperty('tool');
      }
      expect(store.read((r) => r.entries(leafSequence, { where: { tool: 'echo' } }))).toEqual([]);
      expect(store.read((r) => r.entries(leafSequence, { where: { type: 'call' } }))).toHaveLength(
        1,
      );
      await expect(
        store.commit((tx) => tx.forgetFacet(leafSequence, 0, 'nonsense')),
      ).rejects.toThrow('no facet');
    });

    it('gives the bytes of entries alone, in order, as many as there are', async () => {
      await store.commit((tx) => {
        for (const id of 'abcd') {
          tx.append(leafSequence, 'one', entry(id, { bytes: Buffer.from(id) }));
        }
        expect(tx.bytes(leafSequence, 3, 1)).toHaveLength(1);
      });
      const bytes = (from: number, count: number): string =>
        store
          .read((r) => r.bytes(leafSequence, from, count))
          .map((each) => Buffer.from(each).toString())
          .join('');
      expect(bytes(0, 4)).toBe('abcd');
      expect(bytes(1, 2)).toBe('bc');
      expect(bytes(2, 256)).toBe('cd');
      expect(bytes(4, 1)).toBe('');
      expect(bytes(0, 0)).toBe('');
    });

    it('selects entries by tenant, facets, time and number', async () => {
      await store.commit((tx) => {
        const add = (id: string, tenant: string, time: number, facets: NewEntry['facets']) =>
          tx.append(leafSequence, tenant, entry(id, { time, facets }));
        add('0', 'one', 10, { type: 'call', tool: 'echo' });
        add('1', 'two', 20, { type: 'call', tool: 'echo', task: undefined });
        add('2', 'one', 30, { type: 'grant' });
        add('3', 'one', 25, { type: 'call', tool: 'search', lease: 'L' });
      });
      const ids = (query: Parameters<Tx['entries']>[1]): string =>
        store
          .read((r) => r.entries(leafSequence, query))
          .map((found) => found.id)
          .join('');
      expect(ids({})).toBe('0123');
      expect(ids({ reverse: true, limit: 3 })).toBe('321');
      expect(ids({ tenant: 'one' })).toBe('023');
      expect(ids({ where: { type: 'call' } })).toBe('013');
      expect(ids({ where: { type: 'call', tool: 'echo' }, tenant: 'two' })).toBe('1');
      expect(ids({ since: 20, until: 30 })).toBe('13');
      expect(ids({ from: 2 })).toBe('23');
      expect(ids({ from: 2, reverse: true })).toBe('210');
      expect(ids({ where: { lease: 'L' } })).toBe('3');
      expect(store.read((r) => r.entry(leafSequence, 1))?.facets).toEqual({
        type: 'call',
        tool: 'echo',
      });
      expect(() => ids({ where: { nonsense: 'x' } })).toThrow('no facet');
      await expect(
        store.commit((tx) => tx.append(leafSequence, 'one', entry('x', { facets: { bad: 'x' } }))),
      ).rejects.toMatchObject({ code: 'usage' });
      await expect(
        store.commit((tx) => tx.append(leafSequence, 'one', entry('x', { time: Number.NaN }))),
      ).rejects.toMatchObject({ code: 'usage' });
    });

    it('rolls back a work that throws alone; its neighbours in the group stay', async () => {
      const results = await Promise.allSettled([
        put('a', { subject: 's', state: 1 }),
        store.commit((tx) => {
          tx.put(leaseTable, 'default', 'a', { subject: 'overwritten', state: 2 });
          tx.put(leaseTable, 'default', 'b', { subject: 's', state: 2 });
          tx.append(leafSequence, 'default', entry('lost'));
          throw new RangeError('mine');
        }),
        put('c', { subject: 's', state: 3 }),
      ]);
      expect(results.map((result) => result.status)).toEqual([
        'fulfilled',
        'rejected',
        'fulfilled',
      ]);
      expect(results[1]).toMatchObject({ reason: new RangeError('mine') });
      expect(keys({})).toEqual(['a', 'c']);
      expect(store.read((r) => r.get(leaseTable, 'default', 'a'))?.subject).toBe('s');
      expect(store.read((r) => r.length(leafSequence))).toBe(0);
    });

    it('shows a work what earlier works of its group did', async () => {
      const [, seen] = await Promise.all([
        put('a', { subject: 's', state: 1, uses: 1 }),
        store.commit((tx) => tx.get(leaseTable, 'default', 'a')?.uses),
      ]);
      expect(seen).toBe(1);
    });

    it('shows nothing uncommitted to a read, not even from inside the group', async () => {
      await put('a', { subject: 'old', state: 1 });
      const first = put('a', { subject: 'new', state: 1 });
      const inside = store.commit((tx) => {
        tx.put(leaseTable, 'default', 'b', { subject: 's', state: 1 });
        return store.read((r) => [
          r.get(leaseTable, 'default', 'a')?.subject,
          r.get(leaseTable, 'default', 'b'),
        ]);
      });
      expect(store.read((r) => r.get(leaseTable, 'default', 'a'))?.subject).toBe('old');
      expect(await inside).toEqual(['old', undefined]);
      await first;
      expect(store.read((r) => r.get(leaseTable, 'default', 'a'))?.subject).toBe('new');
    });

    it('refuses a work that waits, and undoes it', async () => {
      await expect(
        store.commit(async (tx) => {
          tx.put(leaseTable, 'default', 'a', { subject: 's', state: 1 });
          await Promise.resolve();
        }),
      ).rejects.toMatchObject({ code: 'internal' });
      expect(keys({})).toEqual([]);
    });

    it('refuses a view used after its work ended', async () => {
      let leaked: Tx | undefined;
      await store.commit((tx) => {
        leaked = tx;
      });
      expect(() => leaked?.put(leaseTable, 'default', 'a', { subject: 's', state: 1 })).toThrow(
        'after its work',
      );
      expect(() => leaked?.length(leafSequence)).toThrow('after its work');
      const reader = store.read((r) => r);
      expect(() => reader.get(leaseTable, 'default', 'a')).toThrow('after its work');
    });

    it('refuses tables it was not opened with', () => {
      const other: Table<object> = { name: 'intent', indexes: {} };
      const changed: Table<object> = { name: 'opening', indexes: { x: () => 1 } };
      expect(() => store.read((r) => r.get(other, 'default', 'a'))).toThrow('not opened with');
      expect(() => store.read((r) => r.list(changed, 'default'))).toThrow('not opened with');
      expect(() => store.read((r) => r.length({ ...leafSequence, facets: [] }))).toThrow(
        'not opened with',
      );
    });

    it('finishes what was handed in before close, and refuses what comes after', async () => {
      const last = put('a', { subject: 's', state: 1 });
      const closing = store.close();
      await expect(put('b', { subject: 's', state: 1 })).rejects.toMatchObject({
        code: 'unavailable',
      });
      await last;
      await closing;
      await store.close();
      expect(() => store.read((r) => r.length(leafSequence))).toThrow('closed');
    });
  });
}
