// A home whose daemon lives in the test: opened, closed and opened again, with leases as texts.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished, vi } from 'vitest';
import { systemClock } from '../../src/base/clock/clock.ts';
import { readConfig } from '../../src/front/config/config.ts';
import { type Home, locateHome } from '../../src/front/config/home.ts';
import type { OperationHandlers } from '../../src/front/console/operations.ts';
import { composeRuntime, type Runtime } from '../../src/front/daemon/compose.ts';
import { initHome } from '../../src/front/daemon/init.ts';
import type { KeyTrouble } from '../../src/front/daemon/open-keys.ts';
import { createOperations } from '../../src/front/daemon/operations.ts';
import type { LeaseTerms } from '../../src/trust/lease/issue-lease.ts';
import type { CheckedLease } from '../../src/trust/lease/lease.ts';
import type { Signer } from '../../src/trust/signer/signer.ts';
import { loadKeys, type TrustedKeys } from '../../src/trust/verify/keys.ts';
import { issueLease, takeLease } from './issued-lease.ts';

export interface OpenHome extends Runtime {
  readonly operations: OperationHandlers;
  /** `HOME/public/jwks.json`, and what a verifier reads from it. */
  jwks(): string;
  published(): Promise<TrustedKeys>;
  /** Proof of the newest receipt, as somebody holds it. */
  proof(): Promise<string>;
  /** Issues a lease for anybody who has it, by its row and its signature. */
  issue(terms?: Partial<LeaseTerms>, signer?: Signer): Promise<string>;
  /** The lease as a call finds it. */
  take(text: string): Promise<CheckedLease>;
}

export interface RotatingHome {
  readonly home: Home;
  /** Opens it, again if need be; what is open is closed with the test. */
  open(trouble?: KeyTrouble): Promise<OpenHome>;
  close(): Promise<void>;
}

/**
 * A home in a directory of its own, gone with the test.
 *
 * @param key where its signing key is; a file when absent.
 */
export async function rotatingHome(key?: string): Promise<RotatingHome> {
  const directory = mkdtempSync(join(tmpdir(), 'warder-keys-'));
  vi.stubEnv('XDG_STATE_HOME', join(directory, 'state'));
  const home = locateHome(join(directory, 'home'), {});
  await initHome(home, key);
  // No tool runs here: no jail has to be looked for.
  const config = readFileSync(home.config, 'utf8');
  writeFileSync(
    home.config,
    config.replace('"version": 1,', '"version": 1, "jail": { "use": [] },'),
  );
  let runtime: Runtime | undefined;
  const close = async (): Promise<void> => {
    await runtime?.close();
    runtime = undefined;
  };
  onTestFinished(async () => {
    await close();
    vi.unstubAllEnvs();
    rmSync(directory, { recursive: true, force: true });
  });
  const open = async (trouble?: KeyTrouble): Promise<OpenHome> => {
    await close();
    const opened = await composeRuntime(home, readConfig(home.config), systemClock, trouble);
    runtime = opened;
    const jwks = (): string => readFileSync(join(home.public, 'jwks.json'), 'utf8');
    return {
      ...opened,
      operations: createOperations(opened, { version: '1.2.3', stop: () => {} }),
      jwks,
      published: () => loadKeys([jwks()]),
      proof: async () => {
        const [row] = opened.receipts.reader.list({ last: 1 });
        return opened.receipts.proof(row?.id ?? '');
      },
      issue: (terms, signer) => issueLease(opened, terms, signer),
      take: (text) => takeLease(opened, text),
    };
  };
  return { home, open, close };
}
