// The daemon is killed at any moment. What was acknowledged is in the log, what was signed still holds.

import { spawn } from 'node:child_process';
import { createHash, generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { openSqliteStore } from '../../../src/base/store/sqlite/sqlite-store.ts';
import { createCheckpointMemory } from '../../../src/trust/receipt/checkpoint-memory.ts';
import { checkpointTable } from '../../../src/trust/receipt/checkpoint-table.ts';
import { openingTable } from '../../../src/trust/receipt/openings.ts';
import { leafSequence } from '../../../src/trust/receipt/receipt-log.ts';
import { verifyCheckpoint } from '../../../src/trust/verify/checkpoint.ts';
import { loadKeys } from '../../../src/trust/verify/keys.ts';
import { verifyLog } from '../../../src/trust/verify/log.ts';
import { bundlePath, tilePath } from '../../../src/trust/verify/tiles.ts';

const child = new URL('../../fixtures/receipt/append-forever.ts', import.meta.url).pathname;
const ROUNDS = 12;

/** Kills after so many lines; if `signing`, not before a checkpoint was published in this run. */
function runAndKill(directory: string, lines: number, signing: boolean): Promise<string[]> {
  return new Promise((resolve, reject) => {
    const args = ['--no-warnings', child, directory];
    const running = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    let text = '';
    running.stdout.on('data', (chunk: Buffer) => {
      text += chunk.toString();
      const heads = new Set(text.match(/^signed \d+$/gm));
      const enough = text.split('\n').length > lines;
      if (enough && (!signing || heads.size > 1)) running.kill('SIGKILL');
    });
    running.on('error', reject);
    running.on('close', () => resolve(text.split('\n').slice(0, -1)));
  });
}

test('killed again and again, the log keeps every acknowledged receipt and every signed head', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'warder-kill-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  const log = generateKeyPairSync('ed25519');
  const signing = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const spki = log.publicKey.export({ format: 'der', type: 'spki' });
  const origin = `warder.invalid/log/${createHash('sha256').update(spki).digest('hex').slice(0, 16)}`;
  const pem = { format: 'pem', type: 'pkcs8' } as const;
  const secret = {
    origin,
    log: log.privateKey.export(pem),
    signing: signing.privateKey.export(pem),
  };
  writeFileSync(join(directory, 'keys.json'), JSON.stringify(secret));
  await createCheckpointMemory(join(directory, 'memory.json'), origin);
  const keys = await loadKeys(
    [log, signing].map(({ publicKey }) => publicKey.export({ format: 'pem', type: 'spki' })),
  );

  const kept = new Map<number, string>();
  let remembered: Awaited<ReturnType<typeof verifyCheckpoint>> | undefined;

  for (let round = 0; round < ROUNDS; round += 1) {
    const lines = await runAndKill(directory, round * 29, round % 3 === 2);
    expect(lines.length).toBeGreaterThan(0);
    let signed = 0;
    for (const line of lines) {
      const [what, id = '', index, leafHash] = line.split(' ');
      if (what === 'kept') kept.set(Number(index), `${id} ${leafHash}`);
      else signed = Number(id);
    }
    const store = openSqliteStore({
      path: join(directory, 'state.db'),
      tables: [openingTable, checkpointTable],
      sequences: [leafSequence],
    });
    const leaves = store.read((reader) => {
      const size = reader.length(leafSequence);
      return Array.from({ length: size }, (_, at) => reader.entry(leafSequence, at));
    });
    await store.close();
    for (const [index, said] of kept) {
      const leaf = leaves[index];
      const hash = createHash('sha256')
        .update(Uint8Array.of(0))
        .update(leaf?.bytes ?? '');
      expect(`${leaf?.id} ${hash.digest('hex')}`).toBe(said);
    }
    if (signed === 0 && remembered === undefined) continue;
    // The published files as the kill left them, against everything published before.
    const note = readFileSync(join(directory, 'log/checkpoint'), 'utf8');
    const verified = await verifyLog(
      {
        bundle: (index, width) => Promise.resolve(file(bundlePath(index, width))),
        tile: (level, index, width) => Promise.resolve(file(tilePath(level, index, width))),
      },
      note,
      keys,
      remembered === undefined ? {} : { remembered },
    );
    expect(verified.size).toBeGreaterThanOrEqual(signed);
    expect(leaves.length).toBeGreaterThanOrEqual(verified.size);
    remembered = await verifyCheckpoint(note, keys);
  }
  expect(kept.size).toBeGreaterThan(100);
  expect(remembered?.size).toBeGreaterThan(50);

  function file(path: string): Uint8Array {
    return readFileSync(join(directory, 'log', path));
  }
}, 60_000);
