// A SoftHSM token of a test's own, made by the script of docker/softhsm.

import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { KeyAccess } from '../../src/trust/signer/open-signer.ts';
import type { Algorithm } from '../../src/trust/signer/signer.ts';

const SCRIPT = resolve(import.meta.dirname, '../../docker/softhsm/make-token.sh');

export interface SoftHsm {
  /** Where its files are: `tokens/`, `pin`, `softhsm2.conf`. */
  readonly directory: string;
  readonly label: string;
  /** The module itself. */
  readonly module: string;
  /** Path of the PIN file, and what is in it. */
  readonly pinFile: string;
  readonly pin: string;
  /** What programs and modules need in their environment to see this token and no other. */
  readonly env: { readonly PATH: string; readonly SOFTHSM2_CONF: string };
  /** To open keys in it. */
  readonly access: KeyAccess;
  /** Key URI; `more` is put in front of the query. */
  uri(object: string, alg?: Algorithm): string;
  /** Runs `pkcs11-tool --module MODULE ARGS`, logged in. */
  tool(...args: readonly string[]): { readonly code: number; readonly text: string };
  /** Pulls the token out, and puts it back. */
  unplug(): void;
  plug(): void;
  remove(): void;
}

/** Makes a token. Takes some 50 ms. */
export function createSoftHsm(label = 'warder-test'): SoftHsm {
  const directory = mkdtempSync(join(tmpdir(), 'warder-softhsm-'));
  const made = execFileSync(SCRIPT, [directory, label], { encoding: 'utf8' });
  const module = /module-path=([^&\n]+)/.exec(made)?.[1] ?? '';
  const pinFile = join(directory, 'pin');
  const pin = readFileSync(pinFile, 'utf8');
  const env = {
    PATH: process.env['PATH'] ?? '',
    SOFTHSM2_CONF: join(directory, 'softhsm2.conf'),
  };
  const tokens = join(directory, 'tokens');
  const away = join(directory, 'away');
  mkdirSync(away);
  return {
    directory,
    label,
    module,
    pinFile,
    pin,
    env,
    access: { home: directory, env, modules: [module] },
    uri: (object, alg = 'ES256') =>
      `pkcs11:token=${label};object=${object}?module-path=${module}&pin-source=${pinFile}&alg=${alg}`,
    tool: (...args) => {
      const words = ['--module', module, '--token-label', label, '--login', '--pin', pin, ...args];
      const { status, stdout, stderr } = spawnSync('pkcs11-tool', words, { env, encoding: 'utf8' });
      return { code: status ?? 128, text: `${stdout}${stderr}` };
    },
    unplug: () => moveAll(tokens, away),
    plug: () => moveAll(away, tokens),
    remove: () => rmSync(directory, { recursive: true, force: true }),
  };
}

/** SoftHSM without its directory does not even start; without one token it has one less. */
function moveAll(from: string, to: string): void {
  for (const name of readdirSync(from)) renameSync(join(from, name), join(to, name));
}
