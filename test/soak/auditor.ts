// Remembers what a log promised, and looks after each crash whether it still holds.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { WarderError } from '../../src/base/errors/errors.ts';
import { hashLeaf } from '../../src/trust/receipt/digest.ts';
import { openingTable } from '../../src/trust/receipt/openings.ts';
import { leafSequence } from '../../src/trust/receipt/receipt-log.ts';
import { type Head, verifyCheckpoint } from '../../src/trust/verify/checkpoint.ts';
import type { TrustedKeys } from '../../src/trust/verify/keys.ts';
import { type LogReader, verifyLog } from '../../src/trust/verify/log.ts';
import { bundlePath, tilePath } from '../../src/trust/verify/tiles.ts';
import { Finding } from '../fuzz/target.ts';
import { callFacts } from './facts.ts';
import { initSite, type OpenSite, openSite, pathsOf, trustedKeysOf } from './site.ts';

interface SignedLease {
  readonly hash: string;
  /** Size of the head the signer remembered when it signed. */
  readonly since: number;
}

/** What one site's log said it had done. */
export class Promises {
  /** `ID LEAFHASH` by leaf number. */
  readonly kept: Map<number, string> = new Map();
  /** Roots in hex by size. */
  readonly published: Map<number, string> = new Map();
  readonly leases: Map<number, SignedLease> = new Map();
  /** What the writer was refused. */
  readonly refused: string[] = [];
  /** Whether the site was made. */
  opened = false;
  ended = false;

  /** Takes in a line of a writer. @throws Finding when it says that something broke. */
  hear(line: string): void {
    const [what, ...words] = line.split(' ');
    const [first = '', second = '', third = ''] = words;
    if (what === 'kept') this.kept.set(Number(second), `${first} ${third}`);
    else if (what === 'published') this.published.set(Number(first), second);
    else if (what === 'lease')
      this.leases.set(Number(first), { hash: second, since: Number(third) });
    else if (what === 'refused') this.refused.push(words.join(' '));
    else if (what === 'end') this.ended = true;
    else if (what === 'open') this.opened = true;
    else throw new Finding(line);
  }

  /** The same promises, to which others may be added. */
  copy(): Promises {
    const copy = new Promises();
    for (const [index, leaf] of this.kept) copy.kept.set(index, leaf);
    for (const [size, root] of this.published) copy.published.set(size, root);
    for (const [index, lease] of this.leases) copy.leases.set(index, lease);
    copy.opened = this.opened;
    return copy;
  }

  /** Of the newest head that was published. */
  get newest(): number {
    return Math.max(0, ...this.published.keys());
  }
}

/** Whoever watches one site through its crashes. */
export class Auditor {
  readonly promises: Promises;
  readonly #site: string;
  readonly #keys: TrustedKeys;
  #remembered: Head | undefined;

  private constructor(site: string, keys: TrustedKeys, promises: Promises) {
    this.#site = site;
    this.#keys = keys;
    this.promises = promises;
  }

  static async of(site: string, promises: Promises = new Promises()): Promise<Auditor> {
    return new Auditor(site, await trustedKeysOf(site), promises);
  }

  /**
   * Looks at the files as the crash left them, opens the log, holds it against everything that was promised, and
   * has it go on.
   *
   * @param lost whether files were lost before the crash, and not all made again: nothing is asked of them then.
   * @throws Finding for a promise that was broken.
   */
  async inspect({ lost = false }: { readonly lost?: boolean } = {}): Promise<void> {
    const left = lost ? 0 : await this.#verifyFiles('as the crash left them');
    const site = await this.#open();
    try {
      await this.#inspectOpen(site, left);
    } catch (error) {
      throw error instanceof Finding
        ? error
        : new Finding('it does not go on', undefined, { cause: error });
    } finally {
      await site.close();
    }
    await this.#verifyFiles('after the restart');
  }

  /**
   * After a disk that lied about syncs: nothing can be promised, but nobody may be fooled. It opens with every
   * head that was signed, or says why not, or whoever remembers a head sees that it is gone.
   *
   * @returns which of these.
   */
  async inspectAfterLies(): Promise<'held' | 'refused' | 'seen by who remembers'> {
    let site: OpenSite;
    try {
      site = await openSite(this.#site, () => Promise.resolve());
    } catch (error) {
      if (error instanceof WarderError && [6, 7].includes(error.exitCode)) return 'refused';
      throw new Finding('it fails in an unknown way', undefined, { cause: error });
    }
    const { log } = site.receipts;
    const { origin } = log;
    const lost = [...this.promises.published].find(
      ([size, root]) =>
        size > log.size || Buffer.from(log.tree.rootAt(size)).toString('hex') !== root,
    );
    await site.close();
    if (lost === undefined) return 'held';
    const [size, hex] = lost;
    const remembered = { origin, size, root: Buffer.from(hex, 'hex') };
    try {
      const note = readFileSync(join(pathsOf(this.#site).log, 'checkpoint'), 'utf8');
      await verifyLog(this.#files(), note, this.#keys, { remembered });
    } catch {
      return 'seen by who remembers';
    }
    throw new Finding(`the head of ${String(size)} is gone, and who remembers it is not told`);
  }

  async #open(): Promise<OpenSite> {
    try {
      // Who was stopped while making it makes it again; a memory that was made is never missing.
      if (!this.promises.opened) await initSite(this.#site);
      return await openSite(this.#site, () => Promise.resolve());
    } catch (cause) {
      throw new Finding('the log does not open', undefined, { cause });
    }
  }

  async #inspectOpen(site: OpenSite, left: number): Promise<void> {
    const { store, receipts, memory } = site;
    const { kept, published, leases } = this.promises;
    for (const [index, said] of kept) {
      const entry = store.read((reader) => reader.entry(leafSequence, index));
      const hash = entry === undefined ? '' : Buffer.from(hashLeaf(entry.bytes)).toString('hex');
      if (entry === undefined || `${entry.id} ${hash}` !== said) {
        throw new Finding(`receipt ${String(index)} was acknowledged and is lost`);
      }
      if (!entry.id.startsWith('call_')) continue;
      const openings = store.read((reader) => reader.get(openingTable, entry.tenant, entry.id));
      if (openings === undefined) throw new Finding(`leaf ${String(index)} lost its openings`);
    }
    for (const [size, root] of published) {
      if (size > receipts.log.size) throw new Finding(`the head of ${String(size)} is lost`);
      if (Buffer.from(receipts.log.tree.rootAt(size)).toString('hex') !== root) {
        throw new Finding(`the head of ${String(size)} leaves is another now`);
      }
    }
    const last = await memory.last();
    if (last.size < Math.max(left, this.promises.newest)) {
      throw new Finding('the signer remembers less than was published');
    }
    for (const [index, { since }] of leases) {
      const proven = last.size > since && last.size > index;
      if (!proven && !last.unproven.includes(index)) {
        throw new Finding(`the signer forgot the lease of leaf ${String(index)}`);
      }
    }
    receipts.checkpointer.start();
    const ref = await store.commit((tx) => receipts.log.append(tx, callFacts(10)));
    this.promises.hear(`kept ${ref.id} ${String(ref.index)} ${ref.leafHash}`);
    const { size, root } = await receipts.checkpointer.current();
    this.promises.hear(`published ${String(size)} ${Buffer.from(root).toString('hex')}`);
    await receipts.audit(this.#remembered);
  }

  /** What anybody can do with the files alone. */
  async #verifyFiles(when: string): Promise<number> {
    const note = readIfThere(join(pathsOf(this.#site).log, 'checkpoint'));
    if (note === undefined) {
      if (this.promises.newest > 0) throw new Finding(`no checkpoint among the files ${when}`);
      return 0;
    }
    try {
      const remembered = this.#remembered;
      await verifyLog(
        this.#files(),
        note.toString(),
        this.#keys,
        remembered === undefined ? {} : { remembered },
      );
      this.#remembered = await verifyCheckpoint(note.toString(), this.#keys);
    } catch (cause) {
      throw new Finding(`the verifier alarms over the files ${when}`, undefined, { cause });
    }
    const { size } = this.#remembered;
    if (size < this.promises.newest) throw new Finding(`an old checkpoint is published ${when}`);
    return size;
  }

  #files(): LogReader {
    const { log } = pathsOf(this.#site);
    const read = (path: string): Promise<Uint8Array> =>
      Promise.resolve(readFileSync(join(log, path)));
    return {
      bundle: (index, width) => read(bundlePath(index, width)),
      tile: (level, index, width) => read(tilePath(level, index, width)),
    };
  }
}

function readIfThere(path: string): Buffer | undefined {
  try {
    return readFileSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
