// Step 3: a granted directory is a boundary, whatever way the path goes round.

import { symlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { Tour } from '../tour.ts';

export async function pathScope(tour: Tour): Promise<void> {
  const { narrator, work } = tour;
  const docs = join(work, 'docs');
  narrator.say('Round by the parent directory, and through a link planted inside the granted one:');
  symlinkSync('../private/token.txt', join(docs, 'innocent.txt'));
  for (const path of [`${docs}/../private/token.txt`, `${docs}/innocent.txt`]) {
    const done = await tour.warder(['call', 'read_file', '--args', JSON.stringify({ path })]);
    const said = `${done.stdout}${done.stderr}`;
    narrator.claim('refused', done.code === 5 || done.code === 3, done);
    narrator.claim('nothing of the secret came back', !said.includes('7d1c'), said);
  }
  narrator.say('Outside of the grant, with the reason and what the operator can do about it:');
  const outside = JSON.stringify({ path: join(work, 'private', 'token.txt') });
  const done = await tour.warder(['call', 'read_file', '--args', outside]);
  const said = `${done.stdout}${done.stderr}`;
  narrator.claim('refused', done.code === 5 || done.code === 3, done);
  narrator.claim('with its reason', said.includes('outside'), said);
  narrator.claim('and its remedy', said.includes('--allow-read'), said);
}
