import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { openMemoryStore } from '../../../src/base/store/memory/memory-store.ts';
import { openSqliteStore } from '../../../src/base/store/sqlite/sqlite-store.ts';
import { kvTable } from '../../../src/reach/kv/kv.ts';
import { kvContract } from '../../contracts/kv.ts';

const declared = { tables: [kvTable], sequences: [] };

kvContract('memory', () => openMemoryStore(declared));

const base = mkdtempSync(join(tmpdir(), 'warder-kv-'));
let n = 0;
afterAll(() => rmSync(base, { recursive: true, force: true }));

kvContract('sqlite', () => {
  n += 1;
  return openSqliteStore({ path: join(base, `${n}.db`), ...declared });
});
