// Nothing is published before enough witnesses have cosigned it: not in the file, not in a proof, not after a
// restart, whatever lines somebody puts under the note.

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { checkWitnesses } from '../../../src/trust/verify/cosignature.ts';
import { parseNote } from '../../../src/trust/verify/note.ts';
import { verifyReceipt } from '../../../src/trust/verify/receipt.ts';
import { formatWitnessVkey, loadWitnesses } from '../../../src/trust/verify/witness-key.ts';
import { openWitness, textOf, type TestWitness } from '../../support/test-witness.ts';
import { WitnessedLog } from '../../support/witnessed-log.ts';

const DOWN: TestWitness['conduct'] = () => ({ status: 503 });
const UP: TestWitness['conduct'] = (_, honest) => honest();

async function setUp(count = 3): Promise<{ home: WitnessedLog; witnesses: TestWitness[] }> {
  const home = await WitnessedLog.create();
  const witnesses: TestWitness[] = [];
  for (let at = 1; at <= count; at += 1) {
    witnesses.push(await openWitness(`witness.example/w${at}`, [home.vkey]));
  }
  return { home, witnesses };
}

const file = ({ directory }: WitnessedLog): string => join(directory, 'log', 'checkpoint');

test('with one witness too few nothing is published, and receipts are kept', async () => {
  const { home, witnesses } = await setUp();
  const [, two, three] = witnesses as [TestWitness, TestWitness, TestWitness];
  two.conduct = DOWN;
  three.conduct = DOWN;
  const log = await home.open(witnesses, 2);
  const ref = await log.append();
  await expect(log.proof(ref.id)).rejects.toMatchObject({
    code: 'unavailable',
    message: expect.stringContaining('1 of 3 witnesses cosigned, 2 are required') as string,
  });
  expect(log.checkpointer.published).toBeUndefined();
  expect(existsSync(file(home))).toBe(false);
  await log.grow(5);
  expect(log.log.size).toBe(6);

  // One of them is back: the very head that waited is published, with the lines of both.
  two.conduct = UP;
  await expect.poll(() => log.checkpointer.published?.size).toBeGreaterThan(0);
  const proof = await log.proof(ref.id);
  const policy = await loadWitnesses(
    witnesses.map(({ vkey }) => vkey),
    2,
  );
  const verified = await verifyReceipt(proof, home.keys, { witnesses: policy });
  expect(verified.cosignedBy.map(({ witness }) => witness)).toEqual([
    'witness.example/w1',
    'witness.example/w2',
  ]);
  expect(Math.abs((verified.cosignedBy[0]?.time ?? 0) - Date.now() / 1000)).toBeLessThan(60);
  // Who asks for more witnesses than have seen it is told so.
  const all = await loadWitnesses(witnesses.map(({ vkey }) => vkey));
  await expect(verifyReceipt(proof, home.keys, { witnesses: all })).rejects.toMatchObject({
    code: 'not-trusted',
  });
});

test('a head that waits is shown until enough have seen it; what comes meanwhile is in the next', async () => {
  const { home, witnesses } = await setUp(2);
  const [one, two] = witnesses as [TestWitness, TestWitness];
  two.conduct = DOWN;
  const log = await home.open(witnesses, 2);
  const first = await log.append();
  await expect(log.proof(first.id)).rejects.toThrow('are required');
  await log.grow(50);
  await expect.poll(() => two.asked.length).toBeGreaterThan(2);
  expect(new Set(two.asked.map(textOf)).size).toBe(1);
  // Who has cosigned it is not asked again.
  expect(one.asked).toHaveLength(1);
  two.conduct = UP;
  // A round that is under way still fails, and who waits for it is told so.
  await expect.poll(() => log.checkpointer.current().then(({ size }) => size, String)).toBe(51);
  expect(new Set(one.asked.map(textOf)).size).toBe(2);
});

test('witnesses who answer by turns add up', async () => {
  const { home, witnesses } = await setUp(2);
  const [one, two] = witnesses as [TestWitness, TestWitness];
  let turn = 0;
  one.conduct = (_, honest) => (turn === 0 ? honest() : { status: 503 });
  two.conduct = (_, honest) => {
    turn += 1;
    return turn < 4 ? { status: 503 } : honest();
  };
  const log = await home.open(witnesses, 2);
  await log.append();
  await expect.poll(() => log.checkpointer.published?.size).toBe(1);
  expect(one.asked).toHaveLength(1);
});

test('after a restart what was signed goes on, and what was cosigned stands', async () => {
  const { home, witnesses } = await setUp(2);
  const [one, two] = witnesses as [TestWitness, TestWitness];
  two.conduct = DOWN;
  const before = await home.open(witnesses, 2);
  const ref = await before.append();
  await expect(before.proof(ref.id)).rejects.toThrow('are required');
  await before.close();
  const shown = textOf(two.asked[0] ?? '');

  two.conduct = UP;
  const after = await home.open(witnesses, 2);
  await after.proof(ref.id);
  expect(textOf(two.asked.at(-1) ?? '')).toBe(shown);
  await after.close();

  const asked = [one.asked.length, two.asked.length];
  const again = await home.open(witnesses, 2);
  const { note } = await again.checkpointer.current();
  expect(parseNote(note).signatures).toHaveLength(4);
  expect([one.asked.length, two.asked.length]).toEqual(asked);
  // Proofs go on where each witness was left.
  await again.append();
  await again.checkpointer.current();
  expect(one.asked.at(-1)).toMatch(/^old 1\n/);
});

test('lines that are put under the published note count for nothing', async () => {
  const { home, witnesses } = await setUp(1);
  const [witness] = witnesses as [TestWitness];
  const bare = await home.open([]);
  await bare.append();
  const { note } = await bare.checkpointer.current();
  await bare.close();
  const { text } = parseNote(note);
  const stranger = await openWitness(witness.key.name, [home.vkey]);
  const broken = witness.line(text).replace(/.{8}\n$/, 'AAAAAAA=\n');
  for (const line of ['', stranger.line(text), broken, witness.line(text, 0)]) {
    writeFileSync(file(home), note + line);
    witness.conduct = DOWN;
    const log = await home.open([witness]);
    expect(log.checkpointer.published).toBeUndefined();
    await expect(log.checkpointer.current()).rejects.toThrow('are required');
    await log.close();
  }
  // The head as it was signed, seen by a witness now.
  witness.conduct = UP;
  const log = await home.open([witness]);
  const { size, note: cosigned } = await log.checkpointer.current();
  expect(size).toBe(1);
  expect(parseNote(cosigned).text).toBe(text);
  expect(readFileSync(file(home), 'utf8')).toBe(cosigned);
  expect(await log.audit()).toMatchObject({ size: 1, cosignedBy: [{ witness: witness.key.name }] });
});

test('the log is no witness of itself', async () => {
  const { home, witnesses } = await setUp(1);
  const log = await home.open(witnesses);
  const ref = await log.append();
  const proof = await log.proof(ref.id);
  const own = home.keys.find(({ alg }) => alg === 'EdDSA');
  const vkey = formatWitnessVkey({ name: 'w', publicKey: own?.raw.x ?? new Uint8Array() });
  const policy = await loadWitnesses([vkey, ...witnesses.map((each) => each.vkey)], 1);
  await expect(verifyReceipt(proof, home.keys, { witnesses: policy })).rejects.toMatchObject({
    code: 'not-trusted',
    message: expect.stringContaining('has a key of the log') as string,
  });
  expect(() => checkWitnesses(policy.keys, home.keys)).toThrow('has a key of the log');
});

test('without witnesses nobody is asked, and nothing waits', async () => {
  const { home, witnesses } = await setUp(1);
  const log = await home.open([]);
  const ref = await log.append();
  await expect(log.proof(ref.id)).resolves.toContain('tlog-proof');
  expect(witnesses[0]?.asked).toEqual([]);
});
