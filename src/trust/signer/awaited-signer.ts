// A key whose device is away when it is to be opened: its public half is known, and it is opened by who needs it next.

import { canonicalJson } from '../../base/encoding/jcs.ts';
import { asWarderError, WarderError } from '../../base/errors/errors.ts';
import type { TpmAttestor } from '../tpm/attestor.ts';
import type { OpenedSigner } from './checked-signer.ts';
import { OpenedOnce } from './opened-once.ts';
import type { Custody, PublicJwk, SignKind, SignRequest } from './signer.ts';
import { isPassing, signerTrouble } from './trouble.ts';
import { START_PATIENCE_MS, within } from './within.ts';

export interface AwaitedKey {
  /** The pinned key. No other one ever signs in its place. */
  readonly key: PublicJwk;
  readonly roles: readonly SignKind[];
  readonly backend: Custody['backend'];
  /** Opens it, with everything that is asked before it signs. Called until it succeeds, and not after that. */
  readonly open: () => Promise<OpenedSigner>;
  /** Told of what keeps it from being opened, once for each trouble in a row. */
  readonly onTrouble: (error: WarderError) => void;
  /** Told of the first signature after that. */
  readonly onSigned: () => void;
  /** How long the first try is waited for, milliseconds; a device may take much longer. */
  readonly patienceMs?: number;
}

const SUMMARY_MAX = 200;

/**
 * Opens a key. Where its device is away, something stands in for it that opens it with the next request: until
 * then every request is refused with what the device's trouble is. PIN and auth values are tried as often as the
 * back ends try them: never again once refused.
 *
 * @throws WarderError what opening throws, unless it is trouble that may pass.
 */
export async function openOrAwait(awaited: AwaitedKey): Promise<OpenedSigner> {
  const signer = new AwaitedSigner(awaited);
  try {
    return await signer.firstTry();
  } catch (error) {
    if (isPassing(error)) return signer;
    await signer.close();
    throw error;
  }
}

class AwaitedSigner implements OpenedSigner {
  readonly key: PublicJwk;
  readonly roles: readonly SignKind[];
  readonly #awaited: AwaitedKey;
  readonly #signer = new OpenedOnce(() => this.#open());
  #opened: OpenedSigner | undefined;
  /** What was told last. */
  #trouble = '';
  #closed = false;

  constructor(awaited: AwaitedKey) {
    this.key = awaited.key;
    this.roles = Object.freeze([...awaited.roles]);
    this.#awaited = awaited;
  }

  get custody(): Custody {
    if (this.#opened !== undefined) return this.#opened.custody;
    const summary = `not opened yet: ${this.#trouble}`.slice(0, SUMMARY_MAX);
    return { backend: this.#awaited.backend, summary };
  }

  get attestor(): TpmAttestor | undefined {
    return this.#opened?.attestor;
  }

  get awaited(): boolean {
    return this.#opened === undefined;
  }

  /** The signer itself, where its device is there. */
  async firstTry(): Promise<OpenedSigner> {
    const { patienceMs = START_PATIENCE_MS } = this.#awaited;
    try {
      return await within(patienceMs, this.#signer.get(), tooSlow);
    } catch (thrown) {
      const error = asWarderError(thrown);
      if (isPassing(error)) this.#tell(error);
      throw error;
    }
  }

  async ready(): Promise<void> {
    const signer = await this.#signer.get();
    await signer.ready();
  }

  async sign({ payload, ...request }: SignRequest): Promise<Uint8Array> {
    // The caller may change its buffer while the device is looked for.
    const own = { ...request, payload: Uint8Array.from(payload) };
    const signer = await this.#signer.get();
    const signature = await signer.sign(own);
    if (this.#trouble !== '') {
      this.#trouble = '';
      this.#awaited.onSigned();
    }
    return signature;
  }

  async close(): Promise<void> {
    this.#closed = true;
    const signer = await this.#signer.pending?.catch(() => undefined);
    await signer?.close();
  }

  async #open(): Promise<OpenedSigner> {
    try {
      if (this.#closed) throw new WarderError('unavailable', 'the signer is closed');
      const signer = await this.#awaited.open();
      // Whole: who names a key by its thumbprint alone may have another.
      if (canonicalJson(signer.key) !== canonicalJson(this.key)) {
        await signer.close();
        throw changed(signer.key.kid, this.key.kid);
      }
      this.#opened = signer;
      return signer;
    } catch (thrown) {
      const error = asWarderError(thrown);
      if (this.#trouble !== '') this.#tell(error);
      throw error;
    }
  }

  #tell(error: WarderError): void {
    if (this.#closed || error.message === this.#trouble) return;
    this.#trouble = error.message;
    this.#awaited.onTrouble(error);
  }
}

function changed(kid: string, pinned: string): WarderError {
  return signerTrouble('misconfigured', `the key is \`${kid}\`, not the pinned one`, {
    hint: `put back the device with \`${pinned}\`, or rotate on purpose`,
  });
}

function tooSlow(): WarderError {
  return signerTrouble('transient', 'the device takes long to answer', {
    hint: 'look at the device and its connection; the key is used as soon as it can be opened',
  });
}
