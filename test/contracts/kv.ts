// What the key/value store of an installation must do, on every store.

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Store } from '../../src/base/store/store.ts';
import { defaultLimits } from '../../src/catalog/grant.ts';
import type { Permit, PermitTerms } from '../../src/decide/policy/permit.ts';
import {
  type KvLimits,
  kvLimits,
  type KvResult,
  type KvSession,
  kvTable,
  openKvSession,
} from '../../src/reach/kv/kv.ts';
import { reachPermit } from '../support/reach-permit.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

/** The value as text, undefined when not found, or the refusal's code. */
function shown({ reply }: KvResult): string | undefined {
  if (!reply.ok) return reply.code;
  return reply.bytes === undefined ? undefined : new TextDecoder().decode(reply.bytes);
}

function keysOf({ reply }: KvResult): readonly string[] {
  return reply.ok && 'keys' in reply.value ? reply.value.keys : [];
}

/** @param open opens an empty store with `kvTable`. */
export function kvContract(name: string, open: () => Store): void {
  describe(`kv contract: ${name}`, () => {
    let store: Store;
    beforeEach(() => {
      store = open();
    });
    afterEach(() => store.close());

    const permit = (terms: Partial<PermitTerms> = {}): Permit =>
      reachPermit({ kv: true, ...terms });
    const session = (terms: Partial<PermitTerms> = {}, limits?: KvLimits): KvSession =>
      openKvSession(permit(terms), store, limits === undefined ? {} : { limits });
    const commit = (of: KvSession): Promise<void> => store.commit((tx) => of.apply(tx));
    const write = async (key: string, value: string, terms?: Partial<PermitTerms>) => {
      const one = session(terms);
      expect(one.set(key, bytes(value)).reply.ok).toBe(true);
      await commit(one);
    };

    it('a call reads its own writes, and others do not before they are committed', async () => {
      const one = session();
      expect(one.set('k', bytes('v')).reply.ok).toBe(true);
      expect(shown(one.get('k'))).toBe('v');
      expect(shown(session().get('k'))).toBeUndefined();
      await commit(one);
      expect(shown(session().get('k'))).toBe('v');
    });

    it('what a killed call wrote is gone', async () => {
      await write('k', 'old');
      const killed = session();
      killed.set('k', bytes('new'));
      killed.delete('k');
      killed.set('other', bytes('x'));
      killed.discard();
      expect(shown(killed.get('k'))).toBe('denied');
      expect(shown(session().get('k'))).toBe('old');
      expect(shown(session().get('other'))).toBeUndefined();
      expect(() => store.read((tx) => killed.apply(tx as never))).toThrow(TypeError);
    });

    it('writes fall with the transaction they are part of', async () => {
      const one = session();
      one.set('k', bytes('v'));
      const failed = store.commit((tx) => {
        one.apply(tx);
        throw new Error('the outcome could not be written');
      });
      await expect(failed).rejects.toThrow('outcome');
      expect(shown(session().get('k'))).toBeUndefined();
    });

    it('deletes, and says whether there was something', async () => {
      await write('k', 'v');
      const one = session();
      expect(one.delete('none').reply).toEqual({ ok: true, value: { deleted: false } });
      expect(one.delete('k').reply).toEqual({ ok: true, value: { deleted: true } });
      expect(one.delete('k').reply).toEqual({ ok: true, value: { deleted: false } });
      expect(shown(one.get('k'))).toBeUndefined();
      await commit(one);
      expect(shown(session().get('k'))).toBeUndefined();
    });

    it('lists its keys in code point order, its own writes among them', async () => {
      for (const key of ['b/1', 'b/2', 'a', '\u{10000}', '\uff5e']) await write(key, 'v');
      const one = session();
      one.set('b/3', bytes('v'));
      one.delete('b/1');
      expect(keysOf(one.list('b/'))).toEqual(['b/2', 'b/3']);
      expect(keysOf(one.list(''))).toEqual(['a', 'b/2', 'b/3', '\uff5e', '\u{10000}']);
      expect(keysOf(one.list('none'))).toEqual([]);
      expect(keysOf(session({}, { ...kvLimits, listed: 2 }).list(''))).toEqual(['a', 'b/1']);
    });

    it('belongs to tenant, installation and digest: a new name or digest inherits nothing', async () => {
      await write('k', 'v');
      const others: Partial<PermitTerms>[] = [
        { tenant: 'other' },
        { installation: { id: 'inst_2', name: 'probe', digest: 'd1' } },
        { installation: { id: 'inst_1', name: 'probe', digest: 'd2' } },
        { installation: { id: 'inst_1', name: 'probe', digest: 'd' } },
      ];
      for (const terms of others) {
        expect(shown(session(terms).get('k'))).toBeUndefined();
        expect(keysOf(session(terms).list(''))).toEqual([]);
      }
      const renamed = { installation: { id: 'inst_1', name: 'renamed', digest: 'd1' } };
      expect(shown(session(renamed).get('k'))).toBe('v');
      const rows = store.read((reader) =>
        reader.list(kvTable, 'default', { index: ['installation', 'inst_1'] }),
      );
      expect(rows.map(({ key }) => key)).toEqual(['inst_1/d1/', 'inst_1/d1/k']);
    });

    it('of two calls at a time the later commit wins, key by key', async () => {
      const one = session();
      const two = session();
      one.set('k', bytes('one'));
      one.set('only-one', bytes('1'));
      two.set('k', bytes('two'));
      await commit(two);
      await commit(one);
      expect(shown(session().get('k'))).toBe('one');
      expect(keysOf(session().list(''))).toEqual(['k', 'only-one']);
    });

    it('keeps the guest out without the grant, and after the permit', () => {
      const none = openKvSession(reachPermit(), store);
      expect(none.get('k').reply).toMatchObject({
        ok: false,
        code: 'denied',
        message: expect.stringContaining('warder tool grant probe --allow-kv') as string,
      });
      expect(none.set('k', bytes('v')).effect).toMatchObject({ state: 'refused', bytes: 0 });
      const late = permit();
      const clock = { wall: () => late.terms.expiresAt, monotonic: () => 0 };
      expect(shown(openKvSession(late, store, { clock }).get('k'))).toBe('denied');
      const lookAlike = { terms: late.terms } as unknown as Permit;
      expect(() => openKvSession(lookAlike, store)).toThrow(TypeError);
    });

    it('takes no malformed or oversized keys and values', () => {
      const one = session();
      const value = bytes('v');
      expect(shown(one.set('', value))).toBe('invalid');
      expect(shown(one.set('a\0b', value))).toBe('invalid');
      expect(shown(one.set('\ud800', value))).toBe('invalid');
      expect(shown(one.set('é'.repeat(257), value))).toBe('limit');
      expect(shown(one.set('k'.repeat(513), value))).toBe('limit');
      expect(one.set('é'.repeat(256), value).reply.ok).toBe(true);
      expect(shown(one.set('k', new Uint8Array((1 << 20) + 1)))).toBe('limit');
      for (const key of ['__proto__', 'constructor', '../../x', 'inst_2/d1/k']) {
        expect(one.set(key, value).reply.ok).toBe(true);
        expect(shown(one.get(key))).toBe('v');
      }
    });

    it('keeps what it was given, not what the guest makes of it later', () => {
      const one = session();
      const value = bytes('aaa');
      one.set('k', value);
      value.fill(0);
      const got = one.get('k').reply;
      if (got.ok) got.bytes?.fill(0);
      expect(shown(one.get('k'))).toBe('aaa');
    });

    it('counts keys and values against the ceiling, empty values too', async () => {
      const limits = { ...defaultLimits, kvBytes: 100 };
      const one = session({ limits });
      const taken = Array.from({ length: 20 }, (_, at) =>
        one.set(`${String(at).padStart(2, '0')}${'k'.repeat(8)}`, new Uint8Array()),
      );
      expect(taken.filter(({ reply }) => reply.ok)).toHaveLength(10);
      expect(shown(taken[10] ?? expect.fail())).toBe('limit');
      await commit(one);
      const two = session({ limits });
      expect(shown(two.set('x', bytes('y')))).toBe('limit');
      two.delete('00kkkkkkkk');
      expect(two.set('x', bytes('y')).reply.ok).toBe(true);
      expect(two.set('x', bytes('yyyyyyyyy')).reply.ok).toBe(true);
      expect(shown(two.set('x', bytes('yyyyyyyyyy')))).toBe('limit');
      expect(shown(two.get('x'))).toBe('yyyyyyyyy');
    });

    it('counts keys', () => {
      const one = session({}, { ...kvLimits, keys: 2 });
      expect(one.set('a', bytes('')).reply.ok).toBe(true);
      expect(one.set('b', bytes('')).reply.ok).toBe(true);
      expect(shown(one.set('c', bytes('')))).toBe('limit');
      expect(one.set('a', bytes('again')).reply.ok).toBe(true);
    });

    it('parallel calls together stay below the ceiling; the one too many writes nothing', async () => {
      const limits = { ...defaultLimits, kvBytes: 100 };
      const calls = Array.from({ length: 5 }, (_, at) => {
        const one = session({ limits });
        expect(one.set(`key-${at}`, new Uint8Array(35)).reply.ok).toBe(true);
        expect(one.set('shared', bytes(String(at))).reply.ok).toBe(true);
        return one;
      });
      const ended = await Promise.allSettled(calls.map(commit));
      expect(ended.map(({ status }) => status)).toEqual([
        'fulfilled',
        'fulfilled',
        'rejected',
        'rejected',
        'rejected',
      ]);
      expect(ended[2]).toMatchObject({ reason: { code: 'limit-reached' } });
      expect(keysOf(session().list(''))).toEqual(['key-0', 'key-1', 'shared']);
      expect(shown(session().get('shared'))).toBe('1');
      const counted = store.read((reader) => reader.get(kvTable, 'default', 'inst_1/d1/'));
      expect(counted).toMatchObject({ keys: 3, bytes: 2 * (5 + 35) + 6 + 1 });
    });

    it('the count stays true whatever is written, replaced and deleted', async () => {
      let seed = 7;
      const next = (below: number): number => {
        seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
        return seed % below;
      };
      const waiting: KvSession[] = [];
      for (let round = 0; round < 200; round += 1) {
        const one = session();
        for (let step = 0; step < 4; step += 1) {
          const key = `k${next(12)}`;
          if (next(3) === 0) one.delete(key);
          else one.set(key, new Uint8Array(next(50)));
        }
        waiting.push(one);
        if (next(2) === 0) for (const each of waiting.splice(0)) await commit(each);
      }
      const rows = store.read((reader) =>
        reader.list(kvTable, 'default', { keyPrefix: 'inst_1/d1/' }),
      );
      const [counted, ...kept] = rows;
      const total = kept.reduce(
        (sum, { key, value }) =>
          sum + key.length - 'inst_1/d1/'.length + (value.value?.length ?? Number.NaN),
        0,
      );
      expect(counted?.value).toMatchObject({ keys: kept.length, bytes: total });
    });
  });
}
