import { expect, test } from 'vitest';
import { openMemoryStore } from '../../../src/base/store/memory/memory-store.ts';
import { sequences, tables } from '../../../src/front/daemon/tables.ts';
import {
  historyAfter,
  KEYS_MAX,
  type KeyRow,
  readHistory,
  signingKeyTable,
} from '../../../src/trust/keyring/key-history.ts';
import { openMemorySigner } from '../../../src/trust/signer/memory/memory-signer.ts';

const key = () => openMemorySigner('ES256', { roles: [], admitters: [] }).key;

function rotated(history: readonly KeyRow[]): readonly KeyRow[] {
  const seq = history.length;
  const old = history.at(-1)?.jwk.kid ?? '';
  const claims = { iss: 'o', seq, iat: seq, old, new: key(), size: seq, until: seq };
  return historyAfter(history, claims, { payload: '', signatures: [] }, `file:${seq}`, seq);
}

test('a home takes as many keys as it reads again, and no more', async () => {
  const store = openMemoryStore({ tables, sequences });
  let history: readonly KeyRow[] = [{ jwk: key(), uri: 'file:0', since: 0, heads: { from: 0 } }];
  while (history.length < KEYS_MAX) history = rotated(history);
  await store.commit((tx) => {
    for (const [at, row] of history.entries()) {
      tx.insert(signingKeyTable, 'default', String(at + 1).padStart(6, '0'), row);
    }
  });
  expect(store.read(readHistory)).toHaveLength(KEYS_MAX);
  expect(() => rotated(history)).toThrow(
    expect.objectContaining({ code: 'unavailable', hint: 'make a new home' }),
  );
});
