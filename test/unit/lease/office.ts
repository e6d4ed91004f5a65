// A working lease office in memory, for tests.

import { randomBytes } from 'node:crypto';
import { openMemoryStore } from '../../../src/base/store/memory/memory-store.ts';
import type { Sequence, Store, Table } from '../../../src/base/store/store.ts';
import type { LeaseEvent, LeaseOffice } from '../../../src/trust/lease/connection-lease.ts';
import { leaseAdmitter } from '../../../src/trust/lease/lease-admitter.ts';
import { leaseTable, openLeaseBook } from '../../../src/trust/lease/lease-book.ts';
import { proofReplayTable } from '../../../src/trust/lease/proof-replay.ts';
import type { Algorithm, Signer } from '../../../src/trust/signer/signer.ts';
import { openMemorySigner } from '../../../src/trust/signer/memory/memory-signer.ts';
import { loadKeys } from '../../../src/trust/verify/keys.ts';

export const origin = 'warder.invalid/log/0123456789abcdef';
export const metaTable: Table<{ readonly uses: number }> = { name: 'meta', indexes: {} };
export const leaves: Sequence = { name: 'leaf', facets: ['lease'] };

export const openStore = (): Store =>
  openMemoryStore({ tables: [leaseTable, metaTable, proofReplayTable], sequences: [leaves] });

export interface TestOffice extends LeaseOffice {
  readonly store: Store;
  readonly signer: Signer;
  readonly events: LeaseEvent[];
}

export async function openOffice(
  store: Store = openStore(),
  alg: Algorithm = 'ES256',
): Promise<TestOffice> {
  const signer = openMemorySigner(alg, { roles: ['lease'], admitters: [leaseAdmitter(origin)] });
  const keys = await loadKeys([JSON.stringify({ ...signer.key, warder_roles: ['lease'] })]);
  const events: LeaseEvent[] = [];
  return {
    store,
    signer,
    keys,
    origin,
    events,
    random: (length) => randomBytes(length),
    book: openLeaseBook(store),
    async record(change) {
      const leaf = new Uint8Array(1);
      const { event, index } = await store.commit((tx) => {
        const happened = change(tx);
        const at = tx.append(leaves, happened.claims.tenant, {
          id: randomBytes(8).toString('hex'),
          bytes: leaf,
          facets: { lease: happened.stateKey },
          time: happened.claims.iat * 1000,
        });
        return { event: happened, index: at };
      });
      events.push(event);
      return { index, leaf };
    },
  };
}
