// A directory of a test's own, removed at its end.

import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Permit } from '../../src/decide/policy/permit.ts';
import { reachPermit } from './reach-permit.ts';

export interface FileTree extends Disposable {
  /** Real path. */
  readonly root: string;
}

export function fileTree(): FileTree {
  const root = realpathSync(mkdtempSync(join(tmpdir(), 'warder-files-')));
  return { root, [Symbol.dispose]: () => rmSync(root, { recursive: true, force: true }) };
}

/** A permit to read and write one host directory, seen as `/data`. */
export function permitFor(host: string): Permit {
  const grant = [{ host, guest: '/data' }];
  return reachPermit({ read: grant, write: grant });
}
