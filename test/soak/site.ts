// A receipt log with everything that must outlive a crash: store, tiles and checkpoint in one directory, the
// signer's memory in another, keys that any process can open.

import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  sign,
} from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openSqliteStore } from '../../src/base/store/sqlite/sqlite-store.ts';
import type { Store } from '../../src/base/store/store.ts';
import {
  type LogAdmitter,
  openCheckpointAdmitter,
} from '../../src/trust/receipt/checkpoint-admitter.ts';
import { createCheckpointMemory } from '../../src/trust/receipt/checkpoint-memory.ts';
import { fixedSigners } from '../../src/trust/receipt/checkpoint-signers.ts';
import { checkpointTable } from '../../src/trust/receipt/checkpoint-table.ts';
import { openingTable } from '../../src/trust/receipt/openings.ts';
import { leafSequence } from '../../src/trust/receipt/receipt-log.ts';
import { openReceipts, type Receipts } from '../../src/trust/receipt/receipts.ts';
import { checkedSigner } from '../../src/trust/signer/checked-signer.ts';
import { makePublicJwk } from '../../src/trust/signer/jwk.ts';
import type { Signer } from '../../src/trust/signer/signer.ts';
import { formatHead, type Head } from '../../src/trust/verify/checkpoint.ts';
import { loadKeys, type TrustedKeys } from '../../src/trust/verify/keys.ts';
import { formatNote, noteSignature } from '../../src/trust/verify/note.ts';
import type { WitnessGroup } from '../../src/trust/witness/witness-group.ts';
import { witnessTable } from '../../src/trust/witness/witness-table.ts';
import { systemRandom } from './facts.ts';

/** Where the parts of a site lie. */
export interface SitePaths {
  /** What a crash can hit: everything but the keys. */
  readonly state: string;
  readonly store: string;
  readonly log: string;
  readonly signer: string;
  readonly memory: string;
}

export function pathsOf(site: string): SitePaths {
  const state = join(site, 'state');
  const signer = join(state, 'signer');
  return {
    state,
    store: join(state, 'home', 'state.db'),
    log: join(state, 'home', 'log'),
    signer,
    memory: join(signer, 'memory.json'),
  };
}

/** A log that is open, and what is needed to use it. */
export interface OpenSite {
  readonly store: Store;
  readonly receipts: Receipts;
  readonly memory: LogAdmitter;
  /** Signs leases and checkpoints. */
  readonly signing: Signer;
  close(): Promise<void>;
}

/** The keys of a site as its file says them. */
interface SiteKeys {
  readonly origin: string;
  readonly log: string;
  readonly signing: string;
}

/** Makes the keys of a site that is yet to be made. */
export function makeSiteKeys(site: string): void {
  const log = generateKeyPairSync('ed25519');
  const signing = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const spki = log.publicKey.export({ format: 'der', type: 'spki' });
  const origin = `warder.invalid/log/${createHash('sha256').update(spki).digest('hex').slice(0, 16)}`;
  const pem = { format: 'pem', type: 'pkcs8' } as const;
  const keys: SiteKeys = {
    origin,
    log: log.privateKey.export(pem),
    signing: signing.privateKey.export(pem),
  };
  mkdirSync(site, { recursive: true });
  mkdirSync(join(pathsOf(site).state, 'home'), { recursive: true });
  writeFileSync(join(site, 'keys.json'), JSON.stringify(keys));
}

/** What whoever verifies the site's log is given. */
export function trustedKeysOf(site: string): Promise<TrustedKeys> {
  const { log, signing } = readKeys(site);
  const pem = { format: 'pem', type: 'spki' } as const;
  return loadKeys([log, signing].map((key) => createPublicKey(createPrivateKey(key)).export(pem)));
}

/** Makes the signer's memory, once. */
export async function initSite(site: string): Promise<void> {
  await createCheckpointMemory(pathsOf(site).memory, readKeys(site).origin);
}

/** How the checkpointer of an open site rests. */
export type Pause = (ms: number, signal: AbortSignal) => Promise<void>;

/**
 * Opens everything, as a daemon does at its start. Nothing is signed before `checkpointer.start()`.
 *
 * @param witnessesOf the witnesses of its config; none when absent.
 */
export async function openSite(
  site: string,
  pause: Pause,
  witnessesOf?: (store: Store) => WitnessGroup,
): Promise<OpenSite> {
  const paths = pathsOf(site);
  const keys = readKeys(site);
  const memory = await openCheckpointAdmitter(paths.memory, keys.origin);
  const open: { close(): Promise<void> }[] = [memory];
  try {
    const logKey = signerOf('EdDSA', keys.log, memory);
    const signing = signerOf('ES256', keys.signing, memory);
    const store = openSqliteStore({
      path: paths.store,
      tables: [openingTable, checkpointTable, witnessTable],
      sequences: [leafSequence],
    });
    open.push(store);
    const receipts = await openReceipts({
      store,
      directory: paths.log,
      origin: keys.origin,
      memory,
      ...(witnessesOf === undefined ? {} : { witnesses: witnessesOf(store) }),
      signers: await fixedSigners(logKey, signing),
      random: systemRandom,
      monotonic: () => performance.now(),
      pause,
    });
    open.push(receipts);
    return { store, receipts, memory, signing, close: () => closeAll(open) };
  } catch (error) {
    await closeAll(open);
    throw error;
  }
}

async function closeAll(open: readonly { close(): Promise<void> }[]): Promise<void> {
  for (const part of open.toReversed()) await part.close();
}

function signerOf(alg: 'EdDSA' | 'ES256', pem: string, memory: LogAdmitter): Signer {
  const key = createPrivateKey(pem);
  const { x, y } = createPublicKey(key).export({ format: 'jwk' });
  const hash = alg === 'EdDSA' ? null : 'sha256';
  return checkedSigner(
    {
      key: makePublicJwk(alg, x, y),
      custody: { backend: 'memory', summary: 'test' },
      ready: () => Promise.resolve(),
      sign: (payload) => Promise.resolve(sign(hash, payload, { key, dsaEncoding: 'ieee-p1363' })),
      close: () => Promise.resolve(),
    },
    { roles: ['checkpoint', 'lease'], admitters: [memory, memory.leases] },
  );
}

/** A head under the site's keys, whatever its signer remembers: what a thief of the keys can make. */
export async function signWithStolenKeys(site: string, head: Head): Promise<string> {
  const { log, signing } = readKeys(site);
  const text = formatHead(head);
  const signatures = await Promise.all(
    [log, signing].map(async (pem) => {
      const key = createPrivateKey(pem);
      const hash = key.asymmetricKeyType === 'ed25519' ? null : 'sha256';
      const signature = sign(hash, Buffer.from(text), { key, dsaEncoding: 'ieee-p1363' });
      const [trusted] = (await loadKeys([
        createPublicKey(key).export({ format: 'pem', type: 'spki' }),
      ])) as [TrustedKeys[number]];
      return noteSignature(head.origin, trusted.raw, signature);
    }),
  );
  return formatNote({ text, signatures });
}

function readKeys(site: string): SiteKeys {
  return JSON.parse(readFileSync(join(site, 'keys.json'), 'utf8')) as SiteKeys;
}
