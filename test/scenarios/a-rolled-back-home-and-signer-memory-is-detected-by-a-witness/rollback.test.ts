// Somebody puts back both memories: the home and what the signer remembers. Nothing within the machine tells;
// a witness does, by the note it has, which bears the lines of both our keys.

import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import {
  CHECKPOINT_KEY,
  CHECKPOINT_TENANT,
  checkpointTable,
} from '../../../src/trust/receipt/checkpoint-table.ts';
import { openWitness, type TestWitness } from '../../support/test-witness.ts';
import { WitnessedLog } from '../../support/witnessed-log.ts';

/** A log of 12 cosigned leaves, put back to when it had 5. */
async function rolledBack(): Promise<{ home: WitnessedLog; witness: TestWitness }> {
  const home = await WitnessedLog.create({ onFiles: true });
  const witness = await openWitness('witness.example/w1', [home.vkey]);
  const before = await home.open([witness]);
  await before.grow(5);
  await before.checkpointer.current();
  await before.close();
  const putBack = home.snapshot();
  const after = await home.open([witness]);
  await after.grow(7);
  await after.checkpointer.current();
  await after.close();
  putBack();
  expect(witness.seen.size).toBe(12);
  return { home, witness };
}

test.each([
  ['fewer leaves than it had', 3],
  ['as many', 7],
  ['more', 20],
])('a log put back that grows to %s publishes nothing', async (_, leaves) => {
  const { home, witness } = await rolledBack();
  const log = await home.open([witness]);
  await log.grow(leaves);
  await expect(log.checkpointer.current()).rejects.toMatchObject({
    code: 'unavailable',
    message: expect.stringContaining('as a witness shows') as string,
    hint: expect.stringContaining('new-log') as string,
  });
  expect(log.checkpointer.state().error?.code).toBe('verification-failed');
  expect(log.checkpointer.published?.size).toBe(5);
  expect(readFileSync(join(home.directory, 'log', 'checkpoint'), 'utf8')).toContain('\n5\n');
  // The receipts themselves are kept.
  expect(log.log.size).toBe(5 + leaves);
});

test('nothing is signed any more, though the other witnesses would do', async () => {
  const { home, witness } = await rolledBack();
  const others = [
    await openWitness('witness.example/w2', [home.vkey]),
    await openWitness('witness.example/w3', [home.vkey]),
  ];
  // They answer only after the one that knows.
  for (const other of others) {
    other.conduct = async (_, honest) => {
      await expect.poll(() => witness.asked.length).toBeGreaterThan(asked);
      await new Promise((resolve) => {
        setTimeout(resolve, 50);
      });
      return honest();
    };
  }
  const asked = witness.asked.length;
  const log = await home.open([witness, ...others], 1);
  await log.grow(3);
  await expect(log.checkpointer.current()).rejects.toThrow('as a witness shows');
  await log.append();
  const signed = witness.asked.length;
  await expect(log.checkpointer.current()).rejects.toThrow('as a witness shows');
  expect(witness.asked).toHaveLength(signed);
});

test('a later head of the same history is no loss: the next is signed', async () => {
  const home = await WitnessedLog.create({ onFiles: true });
  const witness = await openWitness('witness.example/w1', [home.vkey]);
  const first = await home.open([witness]);
  await first.grow(5);
  await first.checkpointer.current();
  await first.close();
  const memory = join(home.directory, 'signer-memory.json');
  const old = readFileSync(memory);
  const second = await home.open([witness]);
  await second.grow(4);
  await second.checkpointer.current();
  // All leaves are there; of what was signed since nothing is.
  await second.store.commit((tx) => tx.delete(checkpointTable, CHECKPOINT_TENANT, CHECKPOINT_KEY));
  await second.close();
  rmSync(join(home.directory, 'log'), { recursive: true });
  writeFileSync(memory, old);

  const again = await home.open([witness]);
  await expect.poll(() => again.checkpointer.published?.size).toBe(9);
  await again.grow(2);
  expect(await again.checkpointer.current()).toMatchObject({ size: 11 });
});
