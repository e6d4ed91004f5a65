// What people keep of a home as files: proofs, keys, leases; and what others find when they check them.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  compactVerify,
  createLocalJWKSet,
  type JSONWebKeySet,
  type JWSHeaderParameters,
} from 'jose';
import { expect } from 'vitest';
import { type Finished, runWarder, type TestHome } from './warder.ts';

export class KeptFiles {
  readonly #home: TestHome;
  readonly #folder = mkdtempSync(join(tmpdir(), 'warder-kept-'));
  /** Path of the public key that leases are bound to. */
  #holder: Promise<string> | undefined;

  constructor(home: TestHome) {
    this.#home = home;
  }

  /** Path of the file of this name. */
  path(name: string): string {
    return join(this.#folder, name);
  }

  /** Keeps what a command prints. @returns the path. */
  async save(name: string, args: readonly string[]): Promise<string> {
    const done = await this.#home.run(args);
    expect(done.code, done.stderr).toBe(0);
    writeFileSync(this.path(name), `${done.stdout.trimEnd()}\n`);
    return this.path(name);
  }

  /** Keeps the proof of the newest receipt. @returns the path. */
  async lastProof(name: string): Promise<string> {
    const [row] = await this.#home.ok<{ id: string }[]>(['receipts', 'list', '--last', '1']);
    return this.save(name, ['receipts', 'proof', row?.id ?? '']);
  }

  /** The newest receipt's proof verifies without home, daemon and device. */
  async expectLastProof(): Promise<void> {
    const proof = await this.lastProof('last.proof');
    const jwks = await this.save('last.jwks', ['keys', 'jwks']);
    const verified = await verifyProof(proof, jwks);
    expect(verified.code, verified.stderr).toBe(0);
  }

  /** Asks for a lease on `text_echo`, bound to a key of the caller's. */
  async requestLease(name: string): Promise<Finished> {
    this.#holder ??= this.#makeHolder();
    const terms = [
      '--task',
      'T',
      '--reason',
      'r',
      '--ttl',
      '60',
      '--holder-key',
      await this.#holder,
    ];
    const capabilities = '[{"type":"tool.call","tools":["text_echo"]}]';
    const out = ['--capabilities', capabilities, '--out', this.path(name)];
    return this.#home.run(['lease', 'request', ...terms, ...out]);
  }

  async #makeHolder(): Promise<string> {
    const { jwk } = await this.#home.ok<{ jwk: object }>(['lease', 'key', this.path('my.key')]);
    writeFileSync(this.path('my.jwk'), JSON.stringify(jwk));
    return this.path('my.jwk');
  }

  /** A lease that another library verifies with the published keys. @returns its header. */
  async expectLease(name: string): Promise<JWSHeaderParameters> {
    const done = await this.requestLease(name);
    expect(done.code, done.stderr).toBe(0);
    const jwks = await this.#home.ok<JSONWebKeySet>(['keys', 'jwks']);
    const token = readFileSync(this.path(name), 'utf8').trim();
    return (await compactVerify(token, createLocalJWKSet(jwks))).protectedHeader;
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** `receipts verify` as somebody without a home does it. */
export function verifyProof(proof: string, key: string): Promise<Finished> {
  return runWarder(['receipts', 'verify', proof, '--key', key]);
}
