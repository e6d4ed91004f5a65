// Which shared libraries may be loaded as PKCS#11 modules: only what the operator named, and nobody else wrote.

import { realpathSync, type Stats, statSync } from 'node:fs';
import { isAbsolute } from 'node:path';
import { signerTrouble } from '../trouble.ts';

/**
 * The file of a module, with no link left in its path. It is code that will run with the rights of this user.
 *
 * @param allowed absolute paths that the operator has named as modules.
 * @throws WarderError `unavailable`.
 */
export function moduleFile(path: string | undefined, allowed: readonly string[]): string {
  if (path === undefined) {
    throw signerTrouble('misconfigured', 'the key URI names no PKCS#11 module', {
      hint: "say `module-path=` with the absolute path of the device's shared library",
    });
  }
  if (!isAbsolute(path) || !allowed.includes(path)) {
    throw signerTrouble('misconfigured', `the config names no PKCS#11 module \`${path}\``, {
      hint: 'a module is code: put its absolute path into `pkcs11.modules` of config.json, or of signer.json of a signer process, and restart',
    });
  }
  let file: string;
  let stats: Stats;
  try {
    file = realpathSync(path);
    stats = statSync(file);
  } catch (cause) {
    throw signerTrouble('misconfigured', `there is no PKCS#11 module \`${path}\``, {
      cause,
      hint: "install the device's module, or correct `module-path` in the key URI",
    });
  }
  const trusted = stats.uid === 0 || stats.uid === process.getuid?.();
  if (stats.isFile() && trusted && (stats.mode & 0o022) === 0) return file;
  throw signerTrouble('misconfigured', `others could have written the PKCS#11 module \`${path}\``, {
    hint: 'it must be a file of root or of this user that nobody else can write',
  });
}
