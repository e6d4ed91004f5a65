// Proofs of a log that has no checkpointer: the head of now, signed by two keys that live in the process.

import { openMemorySigner } from '../../src/trust/signer/memory/memory-signer.ts';
import type { Store } from '../../src/base/store/store.ts';
import { leafSequence, type ReceiptLog } from '../../src/trust/receipt/receipt-log.ts';
import { formatHead } from '../../src/trust/verify/checkpoint.ts';
import { loadKeys, type TrustedKeys } from '../../src/trust/verify/keys.ts';
import { formatNote, noteSignature } from '../../src/trust/verify/note.ts';
import { formatProof } from '../../src/trust/verify/proof.ts';

/** Makes proofs, and says which keys they are to be verified with. */
export interface FakeProofs {
  /** While true, no signature comes back. */
  stuck: boolean;
  readonly keys: TrustedKeys;
  proof(id: string, tenant?: string): Promise<string>;
}

export async function fakeProofs(store: Store, log: ReceiptLog): Promise<FakeProofs> {
  const roles = ['checkpoint'] as const;
  const signers = [openMemorySigner('EdDSA', { roles }), openMemorySigner('ES256', { roles })];
  const keys = await loadKeys([JSON.stringify({ keys: signers.map(({ key }) => key) })]);
  const proof: FakeProofs['proof'] = async (id, tenant) => {
    if (proofs.stuck) return new Promise(() => {});
    const head = log.head();
    const text = formatHead(head);
    const payload = Buffer.from(text);
    const signatures = await Promise.all(
      signers.map(async (signer, at) => {
        const { raw } = keys[at] ?? fail();
        return noteSignature(head.origin, raw, await signer.sign({ kind: 'checkpoint', payload }));
      }),
    );
    const entry = store.read((reader) => reader.entryById(leafSequence, id)) ?? fail();
    if (tenant !== undefined && entry.tenant !== tenant) fail();
    return formatProof({
      extra: entry.bytes,
      index: entry.index,
      hashes: log.tree.inclusion(entry.index, head.size),
      checkpoint: formatNote({ text, signatures }),
    });
  };
  const proofs: FakeProofs = { stuck: false, keys, proof };
  return proofs;
}

function fail(): never {
  throw new TypeError('the test asks for a proof of nothing');
}
