// A vault with secrets in it, over a store in memory, and the rules that send them.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openMemoryStore } from '../../src/base/store/memory/memory-store.ts';
import type { SecretRule } from '../../src/catalog/installation.ts';
import { parseSecretRule } from '../../src/catalog/secret-rule.ts';
import { secretTable, secretUseTable, Vault } from '../../src/reach/vault/vault.ts';

export interface TestVault extends Disposable {
  readonly vault: Vault;
}

export async function testVault(secrets: Readonly<Record<string, string>>): Promise<TestVault> {
  const folder = mkdtempSync(join(tmpdir(), 'warder-vault-'));
  const store = openMemoryStore({ tables: [secretTable, secretUseTable], sequences: [] });
  const vault = new Vault(store, folder);
  for (const [name, value] of Object.entries(secrets)) {
    const bytes = Buffer.from(value);
    const done = await store.commit((tx) => vault.put(tx, 'default', name, bytes, 'set'));
    vault.committed('default', done);
  }
  return { vault, [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }) };
}

/** `NAME@METHOD,URL-glob:HEADER=TEMPLATE`, several at once. */
export function secretRules(...texts: readonly string[]): readonly SecretRule[] {
  return texts.map((text) => parseSecretRule(text));
}
