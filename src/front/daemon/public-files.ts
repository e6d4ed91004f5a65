// HOME/public: what verifiers fetch, each file whole at any time.

import { dirname, join } from 'node:path';
import { makeDirectoryDurably, writeDurably } from '../../trust/receipt/durable-file.ts';

/** Writes the public files of a home; a file that is right already is not written again. */
export class PublicFiles {
  readonly #root: string;
  readonly #written = new Map<string, string>();
  #turn: Promise<void> = Promise.resolve();

  /** @param root `HOME/public`. */
  constructor(root: string) {
    this.#root = root;
  }

  /** The revocation list of a tenant. */
  placeList(tenant: string, text: string): Promise<void> {
    const place = tenant === 'default' ? [] : [tenant];
    return this.#write(join(this.#root, ...place, 'revocations.jwt'), `${text}\n`);
  }

  /** The JWKS. */
  placeKeys(document: object): Promise<void> {
    return this.#write(join(this.#root, 'jwks.json'), `${JSON.stringify(document, null, 2)}\n`);
  }

  /** One after the other: two writers of one file would share its draft. */
  #write(path: string, text: string): Promise<void> {
    const turn = this.#turn.then(async () => {
      if (this.#written.get(path) === text) return;
      await makeDirectoryDurably(dirname(path));
      await writeDurably(path, text);
      this.#written.set(path, text);
    });
    this.#turn = turn.catch(() => undefined);
    return turn;
  }
}
