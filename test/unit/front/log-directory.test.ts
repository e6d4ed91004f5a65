// A log verified from its files alone, against what was seen last time.

import { copyFileSync, cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, expect, onTestFinished, test } from 'vitest';
import { openMemoryStore } from '../../../src/base/store/memory/memory-store.ts';
import { openLogDirectory } from '../../../src/front/cli/log-directory.ts';
import { readRemembered, writeRemembered } from '../../../src/front/cli/remembered-head.ts';
import { ReceiptLog } from '../../../src/trust/receipt/receipt-log.ts';
import { TileDirectory } from '../../../src/trust/receipt/tile-directory.ts';
import { openMemorySigner } from '../../../src/trust/signer/memory/memory-signer.ts';
import { formatHead } from '../../../src/trust/verify/checkpoint.ts';
import { loadKeys } from '../../../src/trust/verify/keys.ts';
import { type VerifiedLog, verifyLog } from '../../../src/trust/verify/log.ts';
import { formatNote, noteSignature } from '../../../src/trust/verify/note.ts';
import { callFacts, declared, random } from '../receipt/log-fixture.ts';

const ORIGIN = 'warder.invalid/log/0123456789abcdef';
const roles = ['checkpoint'] as const;
const signers = [openMemorySigner('EdDSA', { roles }), openMemorySigner('ES256', { roles })];
const keys = await loadKeys([JSON.stringify({ keys: signers.map(({ key }) => key) })]);

let root: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'warder-logdir-'));
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
});

/** A log that grows, and its files at each size. */
function growingLog(): {
  grow(count: number): Promise<void>;
  write(directory: string): Promise<void>;
} {
  const store = openMemoryStore(declared);
  const log = new ReceiptLog({ store, origin: ORIGIN, random });
  return {
    grow: (count) =>
      store.commit((tx) => {
        for (let at = 0; at < count; at += 1) log.append(tx, callFacts());
      }),
    write: async (directory) => {
      const head = log.head();
      const text = formatHead(head);
      const signatures = await Promise.all(
        signers.map(async (signer, at) => {
          const payload = Buffer.from(text);
          const signature = await signer.sign({ kind: 'checkpoint', payload });
          return noteSignature(ORIGIN, (keys[at] ?? keys[0]!).raw, signature);
        }),
      );
      const files = new TileDirectory(directory);
      files.scan(head.size);
      await files.writeUpTo(head.size, {
        tile: (level, index, width) => log.tree.tile(level, index, width),
        leaves: (from, count) => log.leaves(from, count),
      });
      await files.publish(formatNote({ text, signatures }));
    },
  };
}

/** As `receipts verify --log` does. */
async function audit(directory: string, memory: string): Promise<VerifiedLog> {
  const remembered = readRemembered(memory);
  const { checkpoint, reader } = openLogDirectory(directory);
  const verified = await verifyLog(
    reader,
    checkpoint,
    keys,
    remembered === undefined ? {} : { remembered },
  );
  writeRemembered(memory, checkpoint);
  return verified;
}

test('a log is verified as it grows; one that was cut back or forked is refused', async () => {
  const [memory, now, before, fork] = ['memory', 'now', 'before', 'fork'].map((name) =>
    join(root, name),
  ) as [string, string, string, string];
  const log = growingLog();
  await log.grow(300);
  await log.write(now);
  expect((await audit(now, memory)).size).toBe(300);
  cpSync(now, before, { recursive: true });
  await log.grow(300);
  await log.write(now);
  expect((await audit(now, memory)).size).toBe(600);
  const seen = readFileSync(memory, 'utf8');
  await expect(audit(before, memory)).rejects.toThrow('cut back');
  const other = growingLog();
  await other.grow(700);
  await other.write(fork);
  await expect(audit(fork, memory)).rejects.toThrow('forked');
  // What was seen is not forgotten over a refusal.
  expect(readFileSync(memory, 'utf8')).toBe(seen);
});

test('partial files that became full while they were copied are cut from the full ones', async () => {
  const directory = join(root, 'log');
  const log = growingLog();
  await log.grow(40);
  await log.write(directory);
  const checkpoint = readFileSync(join(directory, 'checkpoint'));
  await log.grow(300);
  await log.write(directory);
  rmSync(join(directory, 'tile/entries/000.p'), { recursive: true });
  rmSync(join(directory, 'tile/0/000.p'), { recursive: true });
  writeFileSync(join(directory, 'checkpoint'), checkpoint);
  expect((await audit(directory, join(root, 'memory'))).size).toBe(40);
});

test.each([
  ['a missing bundle', 'verification-failed', (at: string) => rmSync(at)],
  ['a bundle that is too long', 'malformed', (at: string) => writeFileSync(at, Buffer.alloc(5e6))],
  [
    'a flipped byte',
    'verification-failed',
    (at: string) => {
      const bytes = readFileSync(at);
      bytes[900] = (bytes[900] ?? 0) ^ 1;
      writeFileSync(at, bytes);
    },
  ],
])('%s is refused', async (_, code, change) => {
  const directory = join(root, 'log');
  const log = growingLog();
  await log.grow(257);
  await log.write(directory);
  change(join(directory, 'tile/entries/000'));
  await expect(audit(directory, join(root, 'memory'))).rejects.toMatchObject({ code });
});

test('a memory that holds anything else is never taken for none', async () => {
  const directory = join(root, 'log');
  const memory = join(root, 'memory');
  const log = growingLog();
  await log.grow(2);
  await log.write(directory);
  for (const text of ['', 'nonsense\n']) {
    writeFileSync(memory, text);
    await expect(audit(directory, memory)).rejects.toMatchObject({ code: 'malformed' });
  }
  copyFileSync(join(directory, 'checkpoint'), memory);
  expect((await audit(directory, memory)).size).toBe(2);
});
