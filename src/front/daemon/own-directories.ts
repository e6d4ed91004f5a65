// Directories of warder itself: a grant may hold none of them.

import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Config } from '../config/config.ts';
import type { Home } from '../config/home.ts';
import { SIGNER_STATE } from '../separation/layout.ts';
import { signerDirectory } from '../signing/remote-keys.ts';

/** The home, its sockets, what is the signer's, and what of the package is run. */
export function ownDirectories(home: Home, config: Config): readonly string[] {
  const root = fileURLToPath(new URL('../../../', import.meta.url));
  return [...hiddenDirectories(home, config), join(root, 'dist'), join(root, 'node_modules')];
}

/** Those of them that nobody is even told of. */
export function hiddenDirectories(home: Home, { log, logKey }: Config): readonly string[] {
  // Where they are outside the home.
  const apart = home.run === undefined ? [] : [home.run, SIGNER_STATE];
  return [home.root, ...apart, ...signerDirectory(logKey, home.root), dirname(log.memory)];
}
