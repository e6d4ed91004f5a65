// The vault opens a value only as it was set, for the name it was set for, with the key it was set
// under, for a permit that names it. Everything else is refused and says what to do.

import {
  chmodSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openMemoryStore } from '../../../src/base/store/memory/memory-store.ts';
import type { Store } from '../../../src/base/store/store.ts';
import { parseSecretRule } from '../../../src/catalog/secret-rule.ts';
import type { Permit } from '../../../src/decide/policy/permit.ts';
import { withoutLineEnd } from '../../../src/reach/vault/secret-value.ts';
import {
  type SecretRow,
  secretTable,
  secretUseTable,
  Vault,
} from '../../../src/reach/vault/vault.ts';
import { FakeClock } from '../../fakes/clock.ts';
import { reachPermit } from '../../support/reach-permit.ts';

const VALUE = 'sk-4f9Qx7Lm2Zt8Rb1Vn6Kc3Wd';
const OTHER = 'ghp_0123456789abcdefXYZ';
const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);

let folder: string;
let store: Store;
let clock: FakeClock;
let vault: Vault;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'warder-vault-'));
  store = openMemoryStore({ tables: [secretTable, secretUseTable], sequences: [] });
  clock = new FakeClock();
  vault = new Vault(store, folder, clock);
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

async function put(
  name: string,
  value: string,
  change: 'set' | 'rotate' = 'set',
  tenant = 'default',
): Promise<void> {
  const done = await store.commit((tx) => vault.put(tx, tenant, name, utf8(value), change));
  vault.committed(tenant, done);
}

function permitFor(...names: readonly string[]): Permit {
  return permitOf('default', ...names);
}

function permitOf(tenant: string, ...names: readonly string[]): Permit {
  const secrets = names.map((name) => parseSecretRule(`${name}@GET,https://a.test/**:x-key`));
  return reachPermit({ secrets, tenant, expiresAt: clock.wall() + 10_000 });
}

async function use(
  name: string,
  permit: Permit = permitFor(name),
  from: Vault = vault,
): Promise<string | undefined> {
  const value = await from.reveal(permit, name);
  return value && Buffer.from(value).toString();
}

function row(name: string, tenant = 'default'): SecretRow {
  const found = store.read((reader) => reader.get(secretTable, tenant, name));
  if (found === undefined) throw new TypeError('no row');
  return found;
}

function overwrite(name: string, value: SecretRow, tenant = 'default'): Promise<void> {
  return store.commit((tx) => tx.put(secretTable, tenant, name, value));
}

const refused = (code: string, text: string): unknown =>
  expect.objectContaining({ code, message: expect.stringContaining(text) as string });

describe('keeping', () => {
  test('what was set is what a permit gets', async () => {
    await put('API_KEY', VALUE);
    await put('OTHER', OTHER);
    expect(await use('API_KEY')).toBe(VALUE);
    expect(await use('OTHER')).toBe(OTHER);
    expect(vault.list('default').map(({ name, version, uses }) => [name, version, uses])).toEqual([
      ['API_KEY', 1, 0],
      ['OTHER', 1, 0],
    ]);
  });

  test('neither the store nor the files beside the key hold the value', async () => {
    await put('API_KEY', VALUE);
    const kept = [JSON.stringify(row('API_KEY')), Buffer.from(row('API_KEY').sealed).toString()];
    kept.push(
      ...['vault.key', 'vault.versions'].map((file) => readFileSync(join(folder, file), 'latin1')),
    );
    for (const text of kept) expect(text).not.toContain(VALUE);
    for (const file of ['vault.key', 'vault.versions']) {
      expect(statSync(join(folder, file)).mode & 0o777).toBe(0o600);
    }
  });

  test('one value sealed twice looks different each time', async () => {
    await put('A', VALUE);
    await put('B', VALUE);
    expect(row('A').sealed).not.toEqual(row('B').sealed);
    expect(row('A').nonce).not.toEqual(row('B').nonce);
  });

  test('set refuses a name that is there, rotate one that is not; rotate keeps nothing', async () => {
    await put('API_KEY', VALUE);
    await expect(put('API_KEY', OTHER)).rejects.toEqual(refused('conflict', 'already'));
    await expect(put('OTHER', OTHER, 'rotate')).rejects.toEqual(refused('not-found', 'OTHER'));
    await put('API_KEY', OTHER, 'rotate');
    expect(await use('API_KEY')).toBe(OTHER);
    expect(vault.list('default')).toMatchObject([{ name: 'API_KEY', version: 2 }]);
  });

  test('a removed secret is gone, with its count', async () => {
    await put('API_KEY', VALUE);
    await store.commit((tx) => vault.countUses(tx, 'default', new Map([['API_KEY', 3]])));
    expect(vault.list('default')).toMatchObject([{ uses: 3, lastUsedAt: clock.wall() }]);
    await store.commit((tx) => vault.remove(tx, 'default', 'API_KEY'));
    expect(await use('API_KEY')).toBeUndefined();
    await put('API_KEY', OTHER);
    expect(vault.list('default')).toMatchObject([{ uses: 0 }]);
    await expect(store.commit((tx) => vault.remove(tx, 'default', 'NONE'))).rejects.toEqual(
      refused('not-found', 'NONE'),
    );
  });

  test('tenants have their own', async () => {
    await put('API_KEY', VALUE);
    await put('API_KEY', OTHER, 'set', 'second');
    expect(await use('API_KEY')).toBe(VALUE);
    expect(await use('API_KEY', permitOf('second', 'API_KEY'))).toBe(OTHER);
    expect(vault.list('third')).toEqual([]);
  });
});

describe('values', () => {
  test.each([
    ['', 'empty'],
    ['short-123456789', 'too short'],
    ['a'.repeat(64), 'not made at random'],
    [`${VALUE}\r\nX-Admin: yes`, 'control character'],
    [`${VALUE}\0`, 'control character'],
    [`${VALUE}\x7f`, 'control character'],
    [` ${VALUE}`, 'blank'],
    [`${VALUE} `, 'blank'],
    [`${VALUE}ü`, 'ASCII'],
    [VALUE.repeat(400), 'longer than'],
  ])('%j is refused, and not repeated', async (value, why) => {
    const error: unknown = await put('API_KEY', value).catch((thrown: unknown) => thrown);
    expect(error).toEqual(refused('usage', why));
    if (value !== '') expect(JSON.stringify(error)).not.toContain(value);
    expect(vault.list('default')).toEqual([]);
  });

  test.each(['', '../x', 'a b', 'é', 'x'.repeat(200)])('%j is no name', async (name) => {
    await expect(put(name, VALUE)).rejects.toEqual(refused('usage', 'name'));
  });

  test('sixteen bytes and 8 KiB are taken', async () => {
    await put('LEAST', '0123456789abcdef');
    const most = 'abcdefgh'.repeat(1024);
    await put('MOST', most);
    expect(await use('MOST')).toBe(most);
  });

  test.each([
    ['x\n', 'x'],
    ['x\r\n', 'x'],
    ['x\n\n', 'x\n'],
    ['x', 'x'],
    ['x\r', 'x\r'],
    ['', ''],
  ])('the line end of %j is taken off', (given, kept) => {
    expect(Buffer.from(withoutLineEnd(utf8(given))).toString()).toBe(kept);
  });
});

describe('permits', () => {
  test('a secret the permit does not name is refused', async () => {
    await put('API_KEY', VALUE);
    await put('OTHER', OTHER);
    await expect(use('OTHER', permitFor('API_KEY'))).rejects.toEqual(
      refused('permit-denied', 'may not use'),
    );
  });

  test('look-alikes of a permit are none', async () => {
    await put('API_KEY', VALUE);
    const permit = permitFor('API_KEY');
    const forged: readonly unknown[] = [
      { ...permit },
      structuredClone(permit),
      Object.create(permit),
    ];
    for (const one of forged) {
      await expect(use('API_KEY', one as Permit)).rejects.toThrow(TypeError);
    }
  });

  test('what was revealed is counted by permit; what is only to be masked is not', async () => {
    await put('API_KEY', VALUE);
    const [permit, other] = [permitFor('API_KEY', 'NONE'), permitFor('API_KEY')];
    for (const name of ['API_KEY', 'NONE', 'API_KEY']) await use(name, permit);
    vault.toMask(other);
    expect(Object.fromEntries(vault.usesOf(permit))).toEqual({ API_KEY: 2 });
    expect(vault.usesOf(other).size).toBe(0);
  });

  test('an expired permit opens nothing', async () => {
    await put('API_KEY', VALUE);
    const permit = permitFor('API_KEY');
    clock.advance(10_000);
    // What it was given before is masked all the same.
    expect(vault.toMask(permit)).toHaveLength(1);
    await expect(use('API_KEY', permit)).rejects.toEqual(refused('permit-denied', 'expired'));
  });

  test('to be masked is what a permit names and the vault can open, once each', async () => {
    await put('A', VALUE);
    await put('B', OTHER);
    await put('C', 'another-secret-of-mine');
    await overwrite('B', { ...row('B'), nonce: new Uint8Array(12) });
    const values = vault.toMask(permitFor('A', 'A', 'B', 'NONE'));
    expect(values.map((value) => Buffer.from(value).toString())).toEqual([VALUE]);
    expect(vault.toMask(permitFor())).toEqual([]);
  });
});

describe('a store that somebody wrote to', () => {
  beforeEach(async () => {
    await put('API_KEY', VALUE);
    await put('OTHER', OTHER);
  });

  test('swapped rows do not open', async () => {
    const [one, two] = [row('API_KEY'), row('OTHER')];
    await overwrite('API_KEY', two);
    await overwrite('OTHER', one);
    expect(vault.faults()).toHaveLength(2);
    for (const name of ['API_KEY', 'OTHER']) {
      await expect(use(name)).rejects.toEqual(refused('unavailable', 'changed in the store'));
    }
  });

  test('nor a row of another tenant', async () => {
    await overwrite('API_KEY', row('API_KEY'), 'second');
    const permit = permitOf('second', 'API_KEY');
    await expect(use('API_KEY', permit)).rejects.toEqual(refused('unavailable', 'changed'));
  });

  test('every flipped bit is noticed', async () => {
    const good = row('API_KEY');
    for (const member of ['nonce', 'sealed'] as const) {
      for (let at = 0; at < good[member].length; at += 1) {
        const bytes = good[member].slice();
        bytes[at]! ^= 1 << (at % 8);
        await overwrite('API_KEY', { ...good, [member]: bytes });
        await expect(use('API_KEY')).rejects.toEqual(refused('unavailable', 'changed'));
      }
    }
    for (const cut of [0, 1, 15, good.sealed.length - 1]) {
      await overwrite('API_KEY', { ...good, sealed: good.sealed.slice(0, cut) });
      await expect(use('API_KEY')).rejects.toEqual(refused('unavailable', 'changed'));
    }
    await overwrite('API_KEY', { ...good, version: 2 });
    await expect(use('API_KEY')).rejects.toEqual(refused('unavailable', 'changed'));
    await overwrite('API_KEY', good);
    expect(await use('API_KEY')).toBe(VALUE);
  });

  test('an old row put back is not taken for the present one, over a restart too', async () => {
    const old = row('API_KEY');
    await put('API_KEY', 'the-value-set-after-a-leak', 'rotate');
    await overwrite('API_KEY', old);
    for (const opened of [vault, new Vault(store, folder, clock)]) {
      await expect(use('API_KEY', undefined, opened)).rejects.toEqual(
        refused('unavailable', 'older value'),
      );
    }
    // Control: without the memory beside the key it would be.
    rmSync(join(folder, 'vault.versions'));
    expect(await use('API_KEY', undefined, new Vault(store, folder, clock))).toBe(VALUE);
  });

  test('nor is a removed one', async () => {
    const old = row('API_KEY');
    const gone = await store.commit((tx) => vault.remove(tx, 'default', 'API_KEY'));
    vault.committed('default', gone, true);
    await overwrite('API_KEY', old);
    await expect(use('API_KEY')).rejects.toEqual(refused('unavailable', 'older value'));
    await put('API_KEY', OTHER, 'rotate');
    expect(await use('API_KEY')).toBe(OTHER);
  });

  test('a change that a crash kept from being remembered is remembered at the next start', async () => {
    const old = row('API_KEY');
    await store.commit((tx) => vault.put(tx, 'default', 'API_KEY', utf8(OTHER), 'rotate'));
    const restarted = new Vault(store, folder, clock);
    await overwrite('API_KEY', old);
    await expect(use('API_KEY', undefined, restarted)).rejects.toEqual(
      refused('unavailable', 'older value'),
    );
  });
});

describe('the key', () => {
  beforeEach(() => put('API_KEY', VALUE));
  const reopened = (): Vault => new Vault(store, folder, clock);

  test('opens again after a restart', async () => {
    expect(reopened().faults()).toEqual([]);
    expect(await use('API_KEY', undefined, reopened())).toBe(VALUE);
  });

  test('gone: nothing opens, no other is made in its place, a remedy is named', async () => {
    rmSync(join(folder, 'vault.key'));
    const broken = reopened();
    await expect(use('API_KEY', undefined, broken)).rejects.toEqual(
      refused('unavailable', 'cannot be opened'),
    );
    await expect(use('API_KEY', undefined, broken)).rejects.not.toEqual(
      refused('unavailable', folder),
    );
    expect(broken.faults()).toEqual([refused('unavailable', 'is gone')]);
    await expect(
      store.commit((tx) => broken.put(tx, 'default', 'OTHER', utf8(OTHER), 'set')),
    ).rejects.toEqual(refused('unavailable', 'is gone'));
    // Setting the only secret anew needs no old key.
    await store.commit((tx) => broken.put(tx, 'default', 'API_KEY', utf8(OTHER), 'rotate'));
    expect(await use('API_KEY', undefined, broken)).toBe(OTHER);
  });

  test('another one: refused as such', async () => {
    writeFileSync(join(folder, 'vault.key'), Buffer.alloc(32, 7));
    await expect(use('API_KEY', undefined, reopened())).rejects.toEqual(
      refused('unavailable', 'another vault key'),
    );
  });

  test.each([
    ['cut short', (path: string) => writeFileSync(path, Buffer.alloc(31)), 'not a vault key'],
    ['too long', (path: string) => writeFileSync(path, Buffer.alloc(33)), 'too large'],
    [
      'behind a link',
      (path: string) => {
        renameSync(path, `${path}.real`);
        symlinkSync(`${path}.real`, path);
      },
      'symbolic link',
    ],
    ['open to others', (path: string) => chmodSync(path, 0o640), 'open to group or others'],
  ])('%s: refused', async (_, spoil, why) => {
    spoil(join(folder, 'vault.key'));
    await expect(use('API_KEY', undefined, reopened())).rejects.toEqual(
      refused('unavailable', 'cannot be opened'),
    );
    expect(reopened().faults()).toEqual([refused('unavailable', why)]);
  });

  test('a memory of versions that cannot be read stops the vault', () => {
    writeFileSync(join(folder, 'vault.versions'), '{"default/API_KEY":"2"}');
    expect(reopened).toThrow(refused('unavailable', 'vault.versions'));
  });
});
