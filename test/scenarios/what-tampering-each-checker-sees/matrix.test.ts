// Each way to tamper with a log, and who sees it: the daemon at its start, its audit, a verifier with nothing but the
// files, who remembers a head or does not, and a witness. What one of them cannot see is said, too.

import { cpSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { bundlePath, tilePath } from '../../../src/trust/verify/tiles.ts';
import { pathsOf } from '../../soak/site.ts';
import { type LogUnderAttack, openLogUnderAttack, SIZES } from './log-under-attack.ts';

let log: LogUnderAttack;

beforeAll(async () => {
  log = await openLogUnderAttack();
});
afterAll(() => log.remove());
beforeEach(() => log.restore());

const OTHER_BYTES = `CAST(replace(CAST(bytes AS TEXT), '"done"', '"lost"') AS BLOB)`;
const OTHER_ID = `substr(id, 1, length(id) - 1) || iif(id LIKE '%Z', 'Y', 'Z')`;
/** In the full tile, and at the edge. */
const [DEEP, EDGE] = [3, SIZES.late - 2];

function replaceFile(path: string, change: (bytes: Buffer) => Buffer): void {
  writeFileSync(log.file(path), change(readFileSync(log.file(path))));
}

/** As `log`, which of the parts of a copy are put back. */
function putBack(
  copy: string,
  ...parts: readonly ('home/state.db' | 'home/log' | 'signer')[]
): void {
  for (const part of parts) {
    const to = join(pathsOf(log.site).state, part);
    for (const suffix of ['', '-wal', '-shm'])
      rmSync(to + suffix, { recursive: true, force: true });
    cpSync(join(copy, part), to, { recursive: true });
  }
}

function swapFiles(one: string, other: string): void {
  renameSync(log.file(one), log.file('aside'));
  renameSync(log.file(other), log.file(one));
  renameSync(log.file('aside'), log.file(other));
}

const EVERYTHING = ['home/state.db', 'home/log', 'signer'] as const;
const EDGE_TILE = tilePath(0, 1, SIZES.late - 256);
const EDGE_BUNDLE = bundlePath(1, SIZES.late - 256);

/**
 * Seen by: the daemon at its start, its audit, a verifier who remembers, one who does not, a witness who is shown
 * the head that is signed next.
 */
type Row = readonly [
  name: string,
  attack: () => void,
  seen: readonly [
    start: boolean,
    audit: boolean,
    remembering: boolean,
    fresh: boolean,
    witness: boolean,
  ],
];

const SEEN = true;
/** It has nothing to see it by. */
const BLIND = false;
/** It derives the file anew before anybody is misled. */
const MENDS = false;
/** It does not look there. */
const ELSEWHERE = false;

const rows: readonly Row[] = [
  [
    'a leaf of the store edited, below a full tile',
    () => log.edit(`UPDATE s_leaf SET bytes = ${OTHER_BYTES} WHERE at = ${String(DEEP)}`),
    [BLIND, SEEN, ELSEWHERE, ELSEWHERE, SEEN],
  ],
  [
    'a leaf of the store edited, at the edge',
    () => log.edit(`UPDATE s_leaf SET bytes = ${OTHER_BYTES} WHERE at = ${String(EDGE)}`),
    [SEEN, SEEN, ELSEWHERE, ELSEWHERE, SEEN],
  ],
  [
    'a leaf of the store edited, and every file removed',
    () => {
      log.edit(`UPDATE s_leaf SET bytes = ${OTHER_BYTES} WHERE at = ${String(DEEP)}`);
      rmSync(log.file(''), { recursive: true });
    },
    [SEEN, SEEN, SEEN, SEEN, SEEN],
  ],
  [
    'a leaf of the store deleted',
    () => log.edit(`DELETE FROM s_leaf WHERE at = ${String(DEEP)}`),
    [BLIND, SEEN, ELSEWHERE, ELSEWHERE, SEEN],
  ],
  [
    'two leaves of the store exchanged',
    () =>
      log.edit(
        'UPDATE s_leaf SET at = -1 WHERE at = 3',
        'UPDATE s_leaf SET at = 3 WHERE at = 4',
        'UPDATE s_leaf SET at = 4 WHERE at = -1',
      ),
    [BLIND, SEEN, ELSEWHERE, ELSEWHERE, SEEN],
  ],
  [
    'the end of the store cut off',
    () => log.edit('DELETE FROM s_leaf WHERE at > 270'),
    [SEEN, SEEN, ELSEWHERE, ELSEWHERE, SEEN],
  ],
  [
    'openings changed',
    () =>
      log.edit(
        `UPDATE t_opening SET value = replace(value, 'an answer of ordinary length', 'another answer')`,
      ),
    [BLIND, SEEN, ELSEWHERE, ELSEWHERE, BLIND],
  ],
  [
    'a leaf of a bundle edited',
    () =>
      replaceFile(bundlePath(0), (bytes) =>
        Buffer.from(bytes.toString('latin1').replace('"done"', '"lost"'), 'latin1'),
      ),
    [BLIND, SEEN, SEEN, SEEN, ELSEWHERE],
  ],
  [
    'a leaf of the bundle at the edge edited',
    () =>
      replaceFile(EDGE_BUNDLE, (bytes) =>
        Buffer.from(bytes.toString('latin1').replace('"done"', '"lost"'), 'latin1'),
      ),
    [MENDS, MENDS, SEEN, SEEN, ELSEWHERE],
  ],
  [
    'a leaf put at the end of the bundle at the edge',
    () =>
      replaceFile(EDGE_BUNDLE, (bytes) =>
        Buffer.concat([bytes, Buffer.of(0, 2), Buffer.from('{}')]),
      ),
    [MENDS, MENDS, SEEN, SEEN, ELSEWHERE],
  ],
  [
    'a leaf put into the store, which the log then takes for a receipt',
    () =>
      log.edit(
        `INSERT INTO s_leaf (at, tenant, id, time, bytes) VALUES (${String(SIZES.late)}, 'default', 'x', 0, CAST('{}' AS BLOB))`,
      ),
    // Nobody signed it yet: it is signed with the next head, and refused as no receipt by whoever reads the log.
    [BLIND, SEEN, ELSEWHERE, ELSEWHERE, BLIND],
  ],
  [
    'a receipt forged at the end of the store, well made',
    () =>
      log.edit(
        `INSERT INTO s_leaf (at, tenant, id, time, bytes)
         SELECT ${String(SIZES.late)}, tenant, ${OTHER_ID}, time, CAST(replace(CAST(bytes AS TEXT), id, ${OTHER_ID}) AS BLOB)
         FROM s_leaf WHERE at = ${String(DEEP)}`,
      ),
    // Until a head is signed over them, the last leaves are worth what the store is worth.
    [BLIND, BLIND, ELSEWHERE, ELSEWHERE, BLIND],
  ],
  [
    'two tiles exchanged',
    () => swapFiles(tilePath(0, 0), EDGE_TILE),
    // Each has the wrong length for its name.
    [MENDS, MENDS, SEEN, SEEN, ELSEWHERE],
  ],
  [
    'a full tile of another history',
    () => cpSync(join(log.fork, 'home/log', tilePath(0, 0)), log.file(tilePath(0, 0))),
    // The first 250 leaves are the same in both, the tile is not.
    [MENDS, MENDS, SEEN, SEEN, ELSEWHERE],
  ],
  [
    'two bundles exchanged',
    () => swapFiles(bundlePath(0), EDGE_BUNDLE),
    [MENDS, SEEN, SEEN, SEEN, ELSEWHERE],
  ],
  [
    'an older checkpoint in place of the last',
    () => cpSync(join(log.early, 'home/log/checkpoint'), log.file('checkpoint')),
    // The files of the older one are gone, as those of a running log are in time.
    [MENDS, MENDS, SEEN, SEEN, ELSEWHERE],
  ],
  [
    'the files of before',
    () => putBack(log.early, 'home/log'),
    [MENDS, MENDS, SEEN, BLIND, ELSEWHERE],
  ],
  [
    'the store of before',
    () => putBack(log.early, 'home/state.db'),
    [SEEN, SEEN, ELSEWHERE, ELSEWHERE, SEEN],
  ],
  [
    'the whole home of before',
    () => putBack(log.early, 'home/state.db', 'home/log'),
    [SEEN, SEEN, SEEN, BLIND, SEEN],
  ],
  [
    "the signer's memory of before",
    () => putBack(log.early, 'signer'),
    // The history it remembers is the beginning of this one; but more was published than it says it signed.
    [SEEN, SEEN, ELSEWHERE, ELSEWHERE, ELSEWHERE],
  ],
  [
    "the whole home and the signer's memory of before",
    () => putBack(log.early, ...EVERYTHING),
    [BLIND, BLIND, SEEN, BLIND, SEEN],
  ],
  [
    'another history, signed with stolen keys',
    () => putBack(log.fork, 'home/state.db', 'home/log'),
    [SEEN, SEEN, SEEN, BLIND, SEEN],
  ],
  [
    "another history, signed with stolen keys, and the signer's memory of it",
    () => putBack(log.fork, ...EVERYTHING),
    [BLIND, BLIND, SEEN, BLIND, SEEN],
  ],
];

const verdicts = (row: readonly boolean[]): readonly string[] =>
  row.map((seen) => (seen ? 'seen' : 'unseen'));

test.each(rows)('%s', async (_, attack, seen) => {
  attack();
  // Those who only read come first: the daemon mends what it can.
  const [remembering, fresh] = [await log.offline(true), await log.offline(false)];
  const witness = await log.witness(await log.openWitness());
  const [start, audit] = [await log.start(), await log.audit()];
  expect([start, audit, remembering, fresh, witness]).toEqual(verdicts(seen));
});

/** What nothing within the machine sees, and a witness does. */
const onlyOutside = rows.filter(([, , [, audit, , , witness]]) => !audit && witness);

test.each(onlyOutside)('a daemon with a witness publishes no more after: %s', async (_, attack) => {
  attack();
  const witness = await log.openWitness();
  const note = readFileSync(log.file('checkpoint'), 'utf8');
  expect(await log.witnessed(witness)).toBe('seen');
  expect(readFileSync(log.file('checkpoint'), 'utf8')).toBe(note);
});

test('a daemon with a witness goes on where nothing happened', async () => {
  expect(await log.witnessed(await log.openWitness())).toBe('unseen');
});

test('what an audit says to do parts damaged files from a store that was changed', async () => {
  replaceFile(bundlePath(0), (bytes) => bytes.subarray(0, 600));
  expect(await log.start()).toBe('unseen');
  expect(await log.audit()).toBe('seen');
  rmSync(log.file('tile'), { recursive: true });
  expect(await log.audit()).toBe('unseen');
  expect(await log.offline(true)).toBe('unseen');

  log.edit(`UPDATE s_leaf SET bytes = ${OTHER_BYTES} WHERE at = ${String(DEEP)}`);
  expect(await log.start()).toBe('unseen');
  expect(await log.audit()).toBe('seen');
  rmSync(log.file('tile'), { recursive: true });
  expect(await log.start()).toBe('seen');
});

const harmless: readonly (readonly [string, () => void])[] = [
  ['nothing', () => {}],
  ['a tile removed', () => rmSync(log.file(tilePath(0, 0)))],
  ['a bundle removed', () => rmSync(log.file(bundlePath(0)))],
  ['every tile and bundle removed', () => rmSync(log.file('tile'), { recursive: true })],
  ['the checkpoint removed', () => rmSync(log.file('checkpoint'))],
  ['every file removed', () => rmSync(log.file(''), { recursive: true })],
  ['what a killed writer left', () => writeFileSync(log.file('checkpoint.new'), 'half a')],
  [
    'tiles a killed writer left',
    () => writeFileSync(log.file(`${EDGE_TILE}.new`), Buffer.alloc(9)),
  ],
  ['a tile cut short', () => replaceFile(tilePath(0, 0), (bytes) => bytes.subarray(0, 100))],
  ['a partial tile cut short', () => replaceFile(EDGE_TILE, (bytes) => bytes.subarray(0, 32))],
  [
    'a partial tile of an earlier head left',
    () => writeFileSync(log.file(tilePath(0, 1, 7)), 'old'),
  ],
  ["the signer's half-written memory", () => writeFileSync(`${pathsOf(log.site).memory}.new`, '{')],
];

test.each(harmless)('harmless: %s', async (_, change) => {
  change();
  expect(await log.start()).toBe('unseen');
  expect(await log.audit()).toBe('unseen');
  // And everything is as it has to be for whoever reads it next.
  expect(await log.offline(true)).toBe('unseen');
});
