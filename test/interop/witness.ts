// Our log before witnesses and verifiers that are not ours: litewitness cosigns it, Go's tlog and
// transparency-dev/formats verify it.
//
// node test/interop/witness.ts [--litewitness PATH] [--go PATH] [--checkpoints N]
// What is not there is said and left out; the last line counts.

import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { parseArgs, promisify } from 'node:util';
import { encodeBase64 } from '../../src/base/encoding/base64.ts';
import { ulid } from '../../src/base/encoding/ulid.ts';
import { openMemoryStore } from '../../src/base/store/memory/memory-store.ts';
import { sequences, tables } from '../../src/front/daemon/tables.ts';
import { openCheckpointAdmitter } from '../../src/trust/receipt/checkpoint-admitter.ts';
import { createCheckpointMemory } from '../../src/trust/receipt/checkpoint-memory.ts';
import { fixedSigners } from '../../src/trust/receipt/checkpoint-signers.ts';
import { openReceipts, type Receipts } from '../../src/trust/receipt/receipts.ts';
import type { ReceiptRef } from '../../src/trust/receipt/receipt-log.ts';
import { checkedSigner } from '../../src/trust/signer/checked-signer.ts';
import { spki } from '../../src/trust/signer/jwk.ts';
import { memoryKey } from '../../src/trust/signer/memory/memory-signer.ts';
import type { KeepingAdmitter } from '../../src/trust/signer/signer.ts';
import { formatHead } from '../../src/trust/verify/checkpoint.ts';
import { loadKeys, type TrustedKeys } from '../../src/trust/verify/keys.ts';
import { formatNote, noteSignature } from '../../src/trust/verify/note.ts';
import { formatVkey } from '../../src/trust/verify/note-key.ts';
import { verifyReceipt } from '../../src/trust/verify/receipt.ts';
import {
  formatWitnessVkey,
  parseWitnessVkey,
  witnessesOf,
} from '../../src/trust/verify/witness-key.ts';
import { formatAddCheckpoint } from '../../src/trust/witness/add-checkpoint.ts';
import { WitnessGroup } from '../../src/trust/witness/witness-group.ts';
import { Tally } from './tally.ts';

const { values: options } = parseArgs({
  options: {
    litewitness: { type: 'string', default: 'litewitness' },
    go: { type: 'string', default: 'go' },
    checkpoints: { type: 'string', default: '300' },
  },
});
const run = promisify(execFile);
const scratch = mkdtempSync(join(tmpdir(), 'warder-witness-'));
const tally = new Tally();
const children: ChildProcess[] = [];

function there(command: string, ...args: string[]): Promise<boolean> {
  // Whatever it answers: it could be started.
  return run(command, args).then(
    () => true,
    (error: NodeJS.ErrnoException) => error.code !== 'ENOENT',
  );
}

interface Log extends Receipts {
  readonly origin: string;
  readonly keys: TrustedKeys;
  readonly vkeys: readonly string[];
  readonly directory: string;
  /** Signs what nobody would let it sign. */
  stolen(payload: Uint8Array): Promise<Uint8Array>;
  append(): Promise<ReceiptRef>;
}

/** A log in memory, tiles on disk; `witness` is made once its keys are known. */
async function openLog(
  witness?: (origin: string, vkey: string) => Promise<{ vkey: string; url: string }>,
): Promise<Log> {
  const late: { current?: KeepingAdmitter } = {};
  const admitter: KeepingAdmitter = {
    kind: 'checkpoint',
    admit: (request, key) => late.current?.admit(request, key),
    kept: (request, key) => late.current?.kept(request, key),
    keep: async (request, key, signature) => late.current?.keep(request, key, signature),
  };
  const bare = memoryKey('EdDSA');
  const rules = { roles: ['checkpoint'], admitters: [admitter] } as const;
  const logKey = checkedSigner(bare, rules);
  const signingKey = checkedSigner(memoryKey('ES256'), rules);
  const digest = createHash('sha256').update(spki(logKey.key)).digest('hex');
  const origin = `warder.invalid/log/${digest.slice(0, 16)}`;
  const directory = mkdtempSync(join(scratch, 'log-'));
  const memoryPath = join(directory, 'memory.json');
  await createCheckpointMemory(memoryPath, origin);
  const memory = await openCheckpointAdmitter(memoryPath, origin);
  late.current = memory;
  const keys = await loadKeys([JSON.stringify({ keys: [logKey.key, signingKey.key] })]);
  const vkeys = keys.map(({ raw }) => formatVkey({ name: origin, raw }));
  const store = openMemoryStore({ tables, sequences });
  const given = await witness?.(origin, vkeys[0] ?? '');
  const key = given === undefined ? undefined : await parseWitnessVkey(given.vkey);
  const group =
    given === undefined || key === undefined
      ? undefined
      : new WitnessGroup({
          witnesses: [{ key, url: given.url }],
          policy: witnessesOf([key], 1),
          store,
          origin,
          logKeys: () => keys,
          now: () => Date.now(),
          monotonic: () => performance.now(),
        });
  const receipts = await openReceipts({
    store,
    directory: join(directory, 'log'),
    origin,
    signers: await fixedSigners(logKey, signingKey),
    memory,
    ...(group === undefined ? {} : { witnesses: group }),
    random: (bytes) => randomBytes(bytes),
    monotonic: () => performance.now(),
    pause: (ms) => new Promise((resolve) => void setTimeout(resolve, Math.min(ms, 5))),
  });
  receipts.checkpointer.start();
  const append = (): Promise<ReceiptRef> =>
    store.commit((tx) =>
      receipts.log.append(tx, {
        id: `call_${ulid(Date.now(), randomBytes(10))}`,
        type: 'call',
        outcome: 'done',
        tenant: 'default',
        time: Date.now(),
        subject: { name: 'call', sha256: randomBytes(32).toString('hex') },
        tool: 'text_echo',
        principal: 'agent:default',
        arguments: { text: 'x'.repeat(randomBytes(1)[0] ?? 0) },
        assurance: 'personal',
        jail: 'none',
      }),
    );
  return {
    ...receipts,
    origin,
    keys,
    vkeys,
    directory: join(directory, 'log'),
    stolen: (payload) => Promise.resolve(bare.sign(payload, { kind: 'checkpoint', payload })),
    append,
  };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function until(what: string, done: () => Promise<boolean> | boolean): Promise<void> {
  for (let tries = 0; tries < 200; tries += 1) {
    if (await done()) return;
    await new Promise((resolve) => void setTimeout(resolve, 50));
  }
  throw new Error(`${what} does not come up`);
}

interface Witness {
  readonly vkey: string;
  readonly url: string;
  /** Tells it of a log, by its Ed25519 vkey. */
  readonly teach: (origin: string, vkey: string) => void;
}

/** litewitness with a fresh key in an agent of its own, on loopback. */
async function startLitewitness(): Promise<Witness> {
  const home = mkdtempSync(join(scratch, 'w-'));
  const [key, socket, db] = ['key', 'agent', 'db'].map((name) => join(home, name)) as [
    string,
    string,
    string,
  ];
  await run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', key]);
  children.push(spawn('ssh-agent', ['-a', socket, '-D'], { stdio: 'ignore' }));
  const env = { ...process.env, SSH_AUTH_SOCK: socket };
  const add = (): Promise<boolean> =>
    run('ssh-add', ['-q', key], { env }).then(
      () => true,
      () => false,
    );
  await until('ssh-agent', add);
  const { stdout } = await run('ssh-keygen', ['-l', '-f', `${key}.pub`]);
  const fingerprint = stdout.split(' ')[1] ?? '';
  const port = await freePort();
  const name = 'witness.example/litewitness';
  const args = [`-name=${name}`, `-db=${db}`, `-ssh-agent=${socket}`, `-key=${fingerprint}`];
  const listen = `-listen=127.0.0.1:${port}`;
  children.push(spawn(options.litewitness, [...args, listen], { stdio: 'ignore' }));
  const url = `http://127.0.0.1:${port}`;
  await until('litewitness', () =>
    fetch(url).then(
      () => true,
      () => false,
    ),
  );
  const wire = Buffer.from(readFileSync(`${key}.pub`, 'utf8').split(' ')[1] ?? '', 'base64');
  const vkey = formatWitnessVkey({ name, publicKey: wire.subarray(-32) });
  // It says which key it has: ours has to be the same.
  const page = await (await fetch(url)).text();
  const shown = page.replaceAll('&#43;', '+');
  tally.report(shown.includes(vkey), 'litewitness has the vkey we make of its key');
  const teach = (origin: string, log: string): void => {
    const database = new DatabaseSync(db);
    const root = encodeBase64(createHash('sha256').digest());
    database.prepare('INSERT INTO log VALUES (?, 0, ?)').run(origin, root);
    database.prepare('INSERT INTO key VALUES (?, ?)').run(origin, log);
    database.close();
  };
  return { vkey, url, teach };
}

async function post(url: string, body: string): Promise<number> {
  const reply = await fetch(`${url}/add-checkpoint`, { method: 'POST', body });
  await reply.arrayBuffer();
  return reply.status;
}

async function cosignCampaign(): Promise<void> {
  const witness = await startLitewitness();
  const log = await openLog((origin, vkey) => {
    witness.teach(origin, vkey);
    return Promise.resolve(witness);
  });
  const witnesses = witnessesOf([await parseWitnessVkey(witness.vkey)], 1);
  const proofs = join(scratch, 'proofs');
  mkdirSync(proofs);
  const wanted = Number(options.checkpoints);
  const refused = { forks: 0, rollbacks: 0, proofs: 0, sizes: 0 };
  const taken: string[] = [];
  const attack = async (kind: keyof typeof refused, body: string): Promise<void> => {
    const status = await post(witness.url, body);
    if (status === 200) taken.push(kind);
    else refused[kind] += 1;
  };
  const notes: string[] = [];
  for (let round = 0; round < wanted; round += 1) {
    let last: ReceiptRef | undefined;
    for (let at = 0; at <= round % 7; at += 1) last = await log.append();
    if (last === undefined) continue;
    const { note, size } = await log.checkpointer.current();
    notes.push(note);
    const proof = await log.proof(last.id);
    const { cosignedBy } = await verifyReceipt(proof, log.keys, { witnesses });
    if (cosignedBy.length !== 1) throw new Error('a proof without its cosignature');
    if (round % 10 === 0) writeFileSync(join(proofs, `${round}.tlog-proof`), proof);

    // Under the log's own key: what no memory would let pass.
    const forge = async (of: number, root: Uint8Array): Promise<string> => {
      const text = formatHead({ origin: log.origin, size: of, root });
      const raw = log.keys[0]?.raw;
      if (raw === undefined) throw new Error('there is a log key');
      const line = noteSignature(log.origin, raw, await log.stolen(Buffer.from(text)));
      return formatNote({ text, signatures: [line] });
    };
    const other = createHash('sha256').update(`${round}`).digest();
    await attack('forks', formatAddCheckpoint(size, [], await forge(size, other)));
    const hashes = [other, randomBytes(32)];
    await attack('proofs', formatAddCheckpoint(size, hashes, await forge(size + 5, other)));
    const before = notes.at(-2);
    if (before !== undefined) {
      await attack('rollbacks', formatAddCheckpoint(size, [], before));
      const proof = log.log.tree.consistency(1, size).map((hash) => Uint8Array.from(hash));
      await attack('sizes', formatAddCheckpoint(1, size === 1 ? [] : proof, note));
    }
  }
  tally.report(notes.length === wanted, `litewitness cosigned ${notes.length} checkpoints`);
  const tried = Object.values(refused).reduce((sum, each) => sum + each, 0);
  tally.report(
    taken.length === 0,
    `litewitness refused ${refused.forks} forks, ${refused.rollbacks} rollbacks, ${refused.proofs} bad proofs, ${refused.sizes} wrong sizes (${tried} in all)`,
  );
  await goVerifies(log, [...log.vkeys, witness.vkey], proofs);

  // Its word for how far it is: nothing is known of it here, and the log goes on.
  const fresh = new WitnessGroup({
    witnesses: [{ key: witnesses.keys[0] as (typeof witnesses.keys)[0], url: witness.url }],
    policy: witnesses,
    store: openMemoryStore({ tables, sequences }),
    origin: log.origin,
    logKeys: () => log.keys,
    now: () => Date.now(),
    monotonic: () => performance.now(),
  });
  const { published } = log.checkpointer;
  if (published === undefined) throw new Error('nothing is published');
  const own = published.note.split('\n').filter((line) => !line.startsWith('— witness'));
  const bare = { ...published, note: own.join('\n') };
  const again = await fresh.cosign(bare, log.log);
  tally.report(
    again.kind === 'cosigned',
    'litewitness cosigns again a head it has, its size asked for first',
  );
  await fresh.close();
  await log.close();

  // A log whose home and signer memory were both put back is a smaller one under the same keys.
  const stale = { ...log, size: 3, tree: log.log.tree, distrustTiles: () => undefined };
  const text = formatHead({ origin: log.origin, size: 3, root: log.log.tree.rootAt(3) });
  const raw = log.keys[0]?.raw;
  if (raw === undefined) throw new Error('there is a log key');
  const line = noteSignature(log.origin, raw, await log.stolen(Buffer.from(text)));
  const head = { origin: log.origin, size: 3, root: log.log.tree.rootAt(3) };
  const back = new WitnessGroup({
    witnesses: [{ key: witnesses.keys[0] as (typeof witnesses.keys)[0], url: witness.url }],
    policy: witnesses,
    store: openMemoryStore({ tables, sequences }),
    origin: log.origin,
    logKeys: () => log.keys,
    now: () => Date.now(),
    monotonic: () => performance.now(),
  });
  const result = await back.cosign(
    { ...head, note: formatNote({ text, signatures: [line] }) },
    stale,
  );
  const trouble = back.status()[0]?.trouble?.kind;
  tally.report(
    result.kind === 'short' && trouble === 'ahead',
    'a log put back gets no cosignature of litewitness',
  );
  await back.close();
}

async function goVerifies(log: Log, vkeys: readonly string[], proofs: string): Promise<void> {
  if (!(await there(options.go, 'version'))) {
    tally.leaveOut('Go: x/mod/sumdb and transparency-dev/formats verify nothing (`--go PATH`)');
    return;
  }
  const file = join(scratch, 'vkeys');
  writeFileSync(file, vkeys.map((vkey) => `${vkey}\n`).join(''));
  const files = readdirSync(proofs).map((name) => join(proofs, name));
  const cwd = join(import.meta.dirname, 'verify-log');
  const verdict = await run(options.go, ['run', '.', log.directory, file, ...files], { cwd }).then(
    ({ stdout }) => stdout.trim(),
    (error: unknown) => `FAILED ${String((error as { stderr?: string }).stderr ?? error)}`,
  );
  tally.report(verdict.startsWith('ok'), `x/mod/sumdb and transparency-dev/formats: ${verdict}`);
}

async function bareLog(): Promise<void> {
  const log = await openLog();
  const proofs = mkdtempSync(join(scratch, 'proofs-'));
  const refs = await Promise.all(Array.from({ length: 700 }, () => log.append()));
  await log.checkpointer.current();
  for (const [at, { id }] of refs.entries()) {
    if (at % 50 === 0) writeFileSync(join(proofs, `${at}.tlog-proof`), await log.proof(id));
  }
  await goVerifies(log, log.vkeys, proofs);
  await log.close();
}

try {
  await bareLog();
  if (await there(options.litewitness, '-help')) await cosignCampaign();
  else tally.leaveOut('litewitness cosigns nothing: it is not here (`--litewitness PATH`)');
} catch (error) {
  tally.report(false, String(error));
} finally {
  for (const child of children) child.kill();
  rmSync(scratch, { recursive: true, force: true });
}
tally.end();
