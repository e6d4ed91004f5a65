// What whoever signs for a log needs: its keys, and where they stand with the log. In this process or in another.

import type { HeadMemory } from '../../trust/receipt/head-memory.ts';
import type { OpenedSigner } from '../../trust/signer/checked-signer.ts';

/** The keys of one log. */
export interface LogKeys {
  /** Ed25519, for the log alone. */
  readonly log: OpenedSigner;
  /** Where the signers stand with the log. */
  readonly memory: HeadMemory;
  /**
   * Opens a signing key, with everything that is asked before it signs.
   *
   * @param kid thumbprint it must have; the key that may come next, when absent.
   */
  openSigning(uri: string, kid?: string): Promise<OpenedSigner>;
  /**
   * The same of a key that may take the place of the log key.
   *
   * @param kid thumbprint it must have, when it is known.
   */
  openLog(uri: string, kid?: string): Promise<OpenedSigner>;
  /** From here on that key is the one of the log. */
  useLog(log: OpenedSigner): void;
  /** Lets another process sign. The signing keys are closed by who opened them. */
  close(): Promise<void>;
}
