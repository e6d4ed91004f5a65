// Signer processes of tests: in this process, or a real one; over a socket, or https with certificates of its own.

import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { Clock } from '../../src/base/clock/clock.ts';
import { initSigner, type SignerWish } from '../../src/front/signing/init-signer.ts';
import type { DoorParts } from '../../src/front/signing/door.ts';
import { openSignerProcess, type RunningSigner } from '../../src/front/signing/serve-signer.ts';
import type { SignerConfig, TlsFiles } from '../../src/front/signing/signer-config.ts';
import { SignerDesk } from '../../src/front/signing/signer-desk.ts';
import type { OpenedSigner } from '../../src/trust/signer/checked-signer.ts';
import type { Admitter, SignKind } from '../../src/trust/signer/signer.ts';
import type { SignerChannel } from '../../src/trust/signer/remote/channel.ts';
import { unixChannel } from '../../src/trust/signer/remote/unix-channel.ts';
import { payloads } from '../contracts/signer.ts';
import { caPair, certificate, type Pair, pem } from './certificates.ts';
import { warderMain } from './warder.ts';

/** A directory for this test alone, short enough for sockets. */
export function scratchDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'ws-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true, maxRetries: 5 }));
  return directory;
}

/** A new signer, not running. */
export interface SignerState {
  readonly root: string;
  readonly socket: string;
  readonly config: SignerConfig;
}

export async function makeSigner(wish: Partial<SignerWish> = {}): Promise<SignerState> {
  const root = join(scratchDirectory(), 's');
  const config = await initSigner(root, { listen: [], ...wish });
  return { root, socket: join(root, 'signer.sock'), config };
}

/** Runs it here. */
export async function runSigner(root: string, clock?: Clock): Promise<RunningSigner> {
  const signer = await openSignerProcess(root, {
    version: 'test',
    ...(clock === undefined ? {} : { clock }),
  });
  onTestFinished(() => signer.close());
  return signer;
}

/** Whoever can reach the socket: it says what it likes. */
export function callerOf(socket: string): SignerChannel {
  const channel = unixChannel(socket);
  onTestFinished(() => channel.close());
  return channel;
}

/** What a key has to be opened with to sign every kind of the contract. */
export const everyKind: {
  readonly roles: readonly SignKind[];
  readonly admitters: readonly Admitter[];
} = {
  roles: [...(Object.keys(payloads) as SignKind[]), 'rotation'],
  admitters: [{ kind: 'rotation', admit() {} }],
};

/** A signer process with one key and no memory, for whoever asks: what doors of tests stand before. */
export function deskWith(signer: OpenedSigner): DoorParts {
  const desk = new SignerDesk({
    origin: 'example.com/log',
    keys: new Map([[signer.key.kid, signer]]),
    memory: { last: () => Promise.reject(new Error('not asked')) },
    useOf: () => 'signing',
    version: 'test',
    monotonic: () => 0,
  });
  return { desk, note: () => {} };
}

/**
 * Runs the built command as a process of its own; resolves once it listens.
 *
 * @param env what the modules of its devices need.
 */
export async function startSigner(
  root: string,
  env: Readonly<Record<string, string>> = {},
): Promise<ChildProcess> {
  const child = spawn(
    process.execPath,
    [
      '--disable-sigusr1',
      '--no-warnings',
      warderMain,
      '--json',
      'signer',
      'serve',
      '--state',
      root,
    ],
    { stdio: ['ignore', 'pipe', 'pipe'], env: { PATH: process.env['PATH'] ?? '', ...env } },
  );
  let errors = '';
  child.stderr.on('data', (part: Buffer) => (errors += part.toString()));
  onTestFinished(() => void child.kill('SIGKILL'));
  await new Promise<void>((ready, reject) => {
    child.stdout.once('data', () => ready());
    child.once('exit', () => reject(new Error(`the signer ended: ${errors}`)));
  });
  return child;
}

/** A CA, and files of certificates it has issued. */
export class TestCa {
  readonly #directory: string;
  readonly #name: string;
  readonly #pair: Pair = caPair();
  /** Path of its certificate. */
  readonly file: string;

  constructor(directory: string, name: string) {
    this.#directory = directory;
    this.#name = name;
    const { publicKey: key, privateKey: signer } = this.#pair;
    const own = certificate({ subject: name, issuer: name, key, signer, ca: true, keyUsage: [5] });
    this.file = join(directory, `${name}.ca.pem`);
    writeFileSync(this.file, pem(own));
  }

  /** For 127.0.0.1, good for both sides unless `purposes` says otherwise. */
  issue(
    subject: string,
    changes: { readonly notAfter?: Date; readonly purposes?: readonly string[]; ip?: string } = {},
  ): TlsFiles {
    const { publicKey, privateKey } = caPair();
    const { ip = '127.0.0.1', ...rest } = changes;
    const made = certificate({
      subject,
      issuer: this.#name,
      key: publicKey,
      signer: this.#pair.privateKey,
      addresses: [ip],
      ...rest,
    });
    const path = (end: string): string => join(this.#directory, `${this.#name}.${subject}.${end}`);
    writeFileSync(path('pem'), pem(made));
    const key = privateKey.export({ format: 'pem', type: 'pkcs8' });
    writeFileSync(path('key'), key, { mode: 0o600 });
    return { cert: path('pem'), key: path('key'), ca: this.file };
  }
}
