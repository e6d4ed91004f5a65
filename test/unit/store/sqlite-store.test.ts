import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { openSqliteStore } from '../../../src/base/store/sqlite/sqlite-store.ts';
import { declared } from '../../contracts/store-tables.ts';
import { storeContract } from '../../contracts/store.ts';

const base = mkdtempSync(join(tmpdir(), 'warder-store-'));
let n = 0;
afterAll(() => rmSync(base, { recursive: true, force: true }));

storeContract('sqlite', () => {
  n += 1;
  return openSqliteStore({ path: join(base, `${n}.db`), ...declared });
});
