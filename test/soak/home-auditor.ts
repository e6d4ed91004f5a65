// Remembers what a home whose keys rotate has promised, and looks after each crash whether it still holds.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock } from '../../src/base/clock/clock.ts';
import { readConfig } from '../../src/front/config/config.ts';
import type { Home } from '../../src/front/config/home.ts';
import { signerMemoryPath } from '../../src/front/config/signer-memory.ts';
import { composeRuntime, type Runtime } from '../../src/front/daemon/compose.ts';
import { openCheckpointAdmitter } from '../../src/trust/receipt/checkpoint-admitter.ts';
import type { SignedHead } from '../../src/trust/receipt/head-memory.ts';
import { type Head, verifyCheckpoint } from '../../src/trust/verify/checkpoint.ts';
import { loadKeys, type TrustedKeys } from '../../src/trust/verify/keys.ts';
import { verifyReceipt } from '../../src/trust/verify/receipt.ts';
import { Finding } from '../fuzz/target.ts';
import { issueLease, takeLease } from '../support/issued-lease.ts';

/** Proofs kept of a home: each is checked with the keys of every later day. */
const PROOFS_KEPT = 8;

/** Whoever watches one home through its crashes. */
export class HomeAuditor {
  readonly #home: Home;
  readonly #leases: string[] = [];
  /** Roots in hex by size. */
  readonly #published = new Map<number, string>();
  readonly #rotations = new Set<string>();
  readonly #proofs: string[] = [];
  #remembered: Head | undefined;
  /** Of the run that is heard now. */
  #underWay = { leases: 0, rotations: 0, rotated: 0 };
  #refused: string | undefined;

  constructor(home: Home) {
    this.#home = home;
  }

  /** What the process that died had not answered, and how many rotations it had done. */
  get underWay(): {
    readonly leases: number;
    readonly rotations: number;
    readonly rotated: number;
  } {
    return this.#underWay;
  }

  /** Before the lines of another run. */
  begin(): void {
    this.#underWay = { leases: 0, rotations: 0, rotated: 0 };
  }

  hear(line: string): void {
    const [what, ...words] = line.split(' ');
    const [first = '', second = ''] = words;
    if (what === 'asked') this.#underWay.leases += Number(first);
    else if (what === 'rotating') this.#underWay.rotations += 1;
    else if (what === 'lease') {
      this.#underWay.leases -= 1;
      this.#leases.push(first);
    } else if (what === 'rotated') {
      this.#underWay.rotations -= 1;
      this.#underWay.rotated += 1;
      this.#rotations.add(second);
    } else if (what === 'published') this.#published.set(Number(first), second);
    else if (what === 'refused') this.#refused ??= words.join(' ');
  }

  /**
   * Opens the home as its next daemon does and holds it against everything it said.
   *
   * @throws Finding for a promise that was broken.
   */
  async inspect(): Promise<void> {
    if (this.#refused !== undefined) throw new Finding(`it refused: ${this.#refused}`);
    const last = await this.#memory();
    const runtime = await composeRuntime(
      this.#home,
      readConfig(this.#home.config),
      systemClock,
    ).catch((cause: unknown) => {
      throw new Finding('the home does not open', undefined, { cause });
    });
    try {
      await this.#inspectOpen(runtime, last);
    } catch (cause) {
      if (cause instanceof Finding) throw cause;
      throw new Finding('it does not go on', undefined, { cause });
    } finally {
      await runtime.close();
    }
  }

  async #inspectOpen(runtime: Runtime, last: SignedHead): Promise<void> {
    const { receipts, keys, config } = runtime;
    if (readConfig(this.#home.config).key.kid !== keys.signing.key.kid) {
      throw new Finding('the config names another key than the one that signs');
    }
    const known = new Set([...keys.history, ...keys.logHistory].map(({ jwk }) => jwk.kid));
    for (const kid of this.#rotations) {
      if (!known.has(kid)) throw new Finding('a rotation that was done is undone');
    }
    const issued = new Map<string, number>();
    for (const { statement, index } of receipts.reader.export({ type: 'lease' })) {
      issued.set(statement.subject[0].digest.sha256, index);
    }
    for (const text of this.#leases) {
      const { chain } = await takeLease(runtime, text);
      const index = issued.get(chain.at(-1)?.digest ?? '');
      if (index === undefined) throw new Finding('a lease was given out and is not in the log');
      if (index >= last.size && !last.unproven.includes(index)) {
        throw new Finding(`the signer forgot the lease of leaf ${String(index)}`);
      }
    }
    for (const [size, root] of this.#published) {
      const now = size > receipts.log.size ? undefined : receipts.log.tree.rootAt(size);
      if (now === undefined || Buffer.from(now).toString('hex') !== root) {
        throw new Finding(`the head of ${String(size)} leaves is gone`);
      }
    }
    runtime.start();
    // The signer signs the first only with every lease in it from before its last head, the second with all since.
    for (let head = 0; head < 2; head += 1) {
      this.#leases.push(await issueLease(runtime));
      await receipts.checkpointer.current();
    }
    await receipts.checkpointer.current();
    await runtime.publish();
    await receipts.audit(this.#remembered);
    const published = await this.#publishedKeys();
    const note = readFileSync(join(this.#home.log, 'checkpoint'), 'utf8');
    const { origin, size, root } = await verifyCheckpoint(note, published);
    if (origin !== config.log.origin) throw new Finding('the log has another name');
    this.#remembered = { origin, size, root };
    const [row] = receipts.reader.list({ last: 1 });
    this.#proofs.push(await receipts.proof(row?.id ?? ''));
    if (this.#proofs.length > PROOFS_KEPT) this.#proofs.shift();
    for (const proof of this.#proofs) await verifyReceipt(proof, published);
  }

  #publishedKeys(): Promise<TrustedKeys> {
    return loadKeys([readFileSync(join(this.#home.public, 'jwks.json'), 'utf8')]);
  }

  /** What the signer remembers, read while nobody else has it. */
  async #memory(): Promise<SignedHead> {
    const { origin } = readConfig(this.#home.config).log;
    const memory = await openCheckpointAdmitter(signerMemoryPath(origin), origin);
    try {
      return await memory.last();
    } finally {
      await memory.close();
    }
  }
}
