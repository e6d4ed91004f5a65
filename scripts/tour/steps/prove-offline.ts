// Step 6: a receipt against the published keys alone, with no home and no daemon; then a forged one.

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Tour } from '../tour.ts';

const DONE_NOTES = ['receipts', 'list', '--tool', 'note_add', '--outcome', 'done'];

export async function proveOffline(tour: Tour): Promise<void> {
  const { narrator, home, work } = tour;
  narrator.say('Every call above left a receipt:');
  await tour.warder(['receipts', 'list', '--last', '6']);
  const [receipt] = await home.ok<{ id: string }[]>(DONE_NOTES);
  const id = receipt?.id ?? '';
  const proofFile = join(work, 'receipt.proof');
  const keyFile = join(work, 'keys.json');
  const proof = await home.run(['receipts', 'proof', id]);
  narrator.command(`warder receipts proof ${id} > ${proofFile}`);
  writeFileSync(proofFile, proof.stdout);
  const keys = await home.run(['keys', 'jwks']);
  narrator.command(`warder keys jwks > ${keyFile}`);
  writeFileSync(keyFile, keys.stdout);
  narrator.claim('there are a proof and keys', proof.code === 0 && keys.code === 0, proof);

  narrator.say('Offline: no home, no daemon, only the proof and the public keys.');
  const verify = ['receipts', 'verify', proofFile, '--key', keyFile];
  const good = await tour.warder(verify, { offline: true });
  narrator.claim('the receipt verifies', good.code === 0, good);

  narrator.say('Somebody edits the receipt: the note was "lost", not "done".');
  writeFileSync(proofFile, tamper(readFileSync(proofFile, 'utf8')));
  const forged = await tour.warder(verify, { offline: true });
  narrator.claim('the forged receipt is refused (exit code 6)', forged.code === 6, forged);
}

/** The same proof over a leaf that says something else. */
function tamper(proof: string): string {
  const lines = proof.split('\n');
  const at = lines.findIndex((line) => line.startsWith('extra '));
  const leaf = Buffer.from((lines[at] ?? '').slice('extra '.length), 'base64').toString('utf8');
  const edited = leaf.replace('"done"', '"lost"');
  if (edited === leaf) throw new Error('the receipt does not say `done`');
  lines[at] = `extra ${Buffer.from(edited).toString('base64')}`;
  return lines.join('\n');
}
