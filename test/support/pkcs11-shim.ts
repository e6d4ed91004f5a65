// A PKCS#11 module that fails on demand, in front of SoftHSM.

import { execFileSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { DeviceLimits } from '../../src/trust/signer/pkcs11/token.ts';
import type { Algorithm } from '../../src/trust/signer/signer.ts';
import type { SoftHsm } from './softhsm.ts';

const root = resolve(import.meta.dirname, '../..');

export interface Shim {
  /** To open keys through it. */
  readonly access: SoftHsm['access'] & { readonly limits?: DeviceLimits };
  uri(object: string, alg?: Algorithm): string;
  /** What it does from now on, see test/fixtures/pkcs11/shim.cpp; nothing unusual without orders. */
  order(...orders: readonly string[]): void;
  /** Calls since the last time this was asked: `login`, `sign-init`, `sign`, `sign-end`. */
  calls(): readonly string[];
}

/** Compiles it, which takes half a second. */
export function createShim(hsm: SoftHsm): Shim {
  const module = join(hsm.directory, 'shim.so');
  const includes = join(root, 'node_modules/pkcs11js/includes');
  const source = join(root, 'test/fixtures/pkcs11/shim.cpp');
  execFileSync('g++', ['-shared', '-fPIC', '-I', includes, source, '-o', module, '-ldl']);
  const control = join(hsm.directory, 'shim-control');
  const log = join(hsm.directory, 'shim-log');
  return {
    access: {
      home: hsm.directory,
      modules: [module],
      env: { ...hsm.env, SHIM_MODULE: hsm.module, SHIM_CONTROL: control, SHIM_LOG: log },
    },
    uri: (object, alg) => hsm.uri(object, alg).replace(hsm.module, module),
    order: (...orders) => {
      rmSync(control, { force: true });
      if (orders.length > 0) writeFileSync(control, `${orders.join('\n')}\n`);
    },
    calls: () => {
      try {
        const lines = readFileSync(log, 'utf8').trimEnd().split('\n');
        rmSync(log);
        return lines;
      } catch {
        return [];
      }
    },
  };
}
