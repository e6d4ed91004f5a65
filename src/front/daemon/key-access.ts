// How the keys of a home are reached: what relative paths are below, which native modules may be loaded.

import type { KeyAccess } from '../../trust/signer/open-signer.ts';
import type { Config } from '../config/config.ts';
import type { Home } from '../config/home.ts';

/**
 * The modules are those the config names, never those of a request: over the operator socket a path of a module
 * would be a way to have the daemon load code.
 */
export function keyAccess(home: Home, config: Config): KeyAccess {
  return { home: home.root, modules: config.pkcs11.modules };
}
