// The key that seals the vault's values: 32 random bytes in a private file outside the database.

import { createHmac, createSecretKey, type KeyObject, randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { WarderError } from '../../base/errors/errors.ts';
import { readPrivateFile, writePrivateFile } from '../../trust/signer/file/private-file.ts';

const KEY_BYTES = 32;
const WHAT = 'vault key';

export interface VaultKey {
  readonly key: KeyObject;
  /** Tells keys apart; says nothing about them. */
  readonly id: string;
}

/**
 * Reads the key.
 *
 * @param make whether to make one where there is none.
 * @throws WarderError `unavailable` when it is missing, or not a private file of 32 bytes.
 */
export function openVaultKey(path: string, make: boolean): VaultKey {
  if (!existsSync(path)) {
    if (!make) {
      throw new WarderError('unavailable', `the vault key \`${path}\` is gone`, {
        hint: 'restore it from the backup of this home; without it, `warder secret remove` each secret and set it again',
      });
    }
    writePrivateFile(path, WHAT, randomBytes(KEY_BYTES));
  }
  const bytes = readPrivateFile(path, WHAT, KEY_BYTES);
  try {
    if (bytes.length !== KEY_BYTES) {
      throw new WarderError('unavailable', `\`${path}\` is not a vault key`, {
        hint: 'restore it from the backup of this home',
      });
    }
    const id = createHmac('sha256', bytes).update('warder vault key id').digest('hex');
    return { key: createSecretKey(bytes), id: id.slice(0, 16) };
  } finally {
    bytes.fill(0);
  }
}
