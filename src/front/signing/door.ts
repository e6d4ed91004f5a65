// A way in to a signer process.

import type { SignerDesk } from './signer-desk.ts';

export interface DoorParts {
  readonly desk: SignerDesk;
  /** A line for the signer's own log: what is not said to who asked. */
  readonly note: (line: string) => void;
}

export interface Door {
  /** Where it is, for people. */
  readonly address: string;
  /** Takes nothing more, and ends once what was asked is answered. */
  close(): Promise<void>;
}
