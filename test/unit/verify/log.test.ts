// Auditing a whole log: each way to bend it is told.

import { generateKeyPairSync, sign } from 'node:crypto';
import { expect, test } from 'vitest';
import { canonicalBytes } from '../../../src/base/encoding/jcs.ts';
import { encodeUtf8 } from '../../../src/base/encoding/utf8.ts';
import { formatHead, type Head } from '../../../src/trust/verify/checkpoint.ts';
import { loadKeys } from '../../../src/trust/verify/keys.ts';
import { type LogExpectation, type LogReader, verifyLog } from '../../../src/trust/verify/log.ts';
import { hashLeaf } from '../../../src/trust/verify/merkle.ts';
import { formatNote, noteSignature } from '../../../src/trust/verify/note.ts';
import { parseSpki } from '../../../src/trust/verify/spki.ts';
import { formatBundle, MAX_LEAF_BYTES, parseBundle } from '../../../src/trust/verify/tiles.ts';
import { TILE_WIDTH, TileTree } from '../../../src/trust/verify/tile-tree.ts';

const origin = 'warder.invalid/log/0123456789abcdef';
const { publicKey, privateKey } = generateKeyPairSync('ed25519');
const raw = parseSpki(publicKey.export({ format: 'der', type: 'spki' }));
const keys = await loadKeys([publicKey.export({ format: 'pem', type: 'spki' })]);
const bent = { code: 'verification-failed' };

function leafOf(at: number, change = ''): Uint8Array {
  return canonicalBytes({
    _type: 'https://in-toto.io/Statement/v1',
    predicateType: 'https://warder.invalid/receipt/v1',
    subject: [{ name: 'call', digest: { sha256: '0'.repeat(64) } }],
    predicate: {
      id: `call_01KA9ZJ5R0${String(at).padStart(16, '0')}`,
      type: 'call',
      outcome: 'done',
      tenant: 'default',
      time: '2026-11-21T09:00:00.005Z',
      nonce: '0'.repeat(32),
      assurance: 'personal',
      jail: 'none',
      ...(change === '' ? {} : { code: change }),
    },
  });
}

const SIZE = 300;
const honest = Array.from({ length: SIZE }, (_, at) => leafOf(at));

function headOf(leaves: readonly Uint8Array[]): Head {
  const tree = new TileTree();
  for (const leaf of leaves) tree.push(hashLeaf(leaf));
  return { origin, size: leaves.length, root: tree.root() };
}

function noteOf(head: Head): string {
  const text = formatHead(head);
  const signature = noteSignature(origin, raw, sign(null, encodeUtf8(text), privateKey));
  return formatNote({ text, signatures: [signature] });
}

const readerOf = (leaves: readonly Uint8Array[]): LogReader => ({
  bundle: (index, width) =>
    Promise.resolve(formatBundle(leaves.slice(index * TILE_WIDTH, index * TILE_WIDTH + width))),
});

const audit = (
  leaves: readonly Uint8Array[],
  expectation: LogExpectation = {},
  head = headOf(honest),
): Promise<unknown> => verifyLog(readerOf(leaves), noteOf(head), keys, expectation);

test('an honest log is what it says', async () => {
  const seen: number[] = [];
  const onLeaf = (index: number): number => seen.push(index);
  expect(await audit(honest, { onLeaf })).toMatchObject({ origin, size: SIZE });
  expect(seen).toHaveLength(SIZE);
});

test.each([
  ['changed', honest.with(280, leafOf(280, 'other'))],
  ['exchanged', honest.with(3, honest[4] ?? leafOf(4)).with(4, honest[3] ?? leafOf(3))],
  ['replaced in the first tile', honest.with(0, leafOf(9999))],
])('a leaf that was %s is found', async (_, leaves) => {
  await expect(audit(leaves)).rejects.toMatchObject(bent);
});

test('a bundle that lacks a leaf, or has one more, does not parse', async () => {
  for (const leaves of [honest.slice(0, -1), honest.toSpliced(10, 1)]) {
    await expect(audit(leaves)).rejects.toMatchObject({ code: 'malformed' });
  }
});

test('one receipt twice is refused, though it is signed', async () => {
  const twice = honest.with(299, honest[0] ?? leafOf(0));
  await expect(audit(twice, {}, headOf(twice))).rejects.toMatchObject(bent);
});

test('a leaf that is no receipt is refused, though it is signed', async () => {
  const foreign = honest.with(299, encodeUtf8('hello'));
  await expect(audit(foreign, {}, headOf(foreign))).rejects.toMatchObject(bent);
});

test('a log that was cut back since it was seen is told', async () => {
  const remembered = headOf([...honest, leafOf(SIZE)]);
  await expect(audit(honest, { remembered })).rejects.toMatchObject(bent);
});

test.each([1, 200, 256, 299, 300])(
  'a log rewritten since it was seen with %d leaves is told',
  async (size) => {
    const seen = honest.slice(0, size);
    const remembered = headOf(seen.with(size - 1, leafOf(size - 1, 'before')));
    await expect(audit(honest, { remembered })).rejects.toMatchObject(bent);
    await audit(honest, { remembered: headOf(seen) });
  },
);

test('a head of another log is no memory of this one', async () => {
  const remembered = { ...headOf(honest.slice(0, 5)), origin: 'warder.invalid/log/other' };
  await expect(audit(honest, { remembered })).rejects.toMatchObject(bent);
});

test('a tile that does not belong to the leaves is told', async () => {
  for (const wrong of [0, 1]) {
    const reader: LogReader = {
      ...readerOf(honest),
      tile: (level, index, width) => {
        const tile = Buffer.concat(
          level === 0
            ? honest.slice(index * TILE_WIDTH, index * TILE_WIDTH + width).map(hashLeaf)
            : [headOf(honest.slice(0, TILE_WIDTH)).root],
        );
        if (index === wrong && level === 0) tile[0] = (tile[0] ?? 0) ^ 1;
        return Promise.resolve(tile);
      },
    };
    await expect(verifyLog(reader, noteOf(headOf(honest)), keys)).rejects.toMatchObject(bent);
  }
});

test('a bundle is cut where it says, or not at all', () => {
  const bundle = formatBundle([Uint8Array.of(1), new Uint8Array(0), Uint8Array.of(2, 3)]);
  expect(parseBundle(bundle, 3).map((leaf) => leaf.length)).toEqual([1, 0, 2]);
  for (const bytes of [bundle.subarray(0, -1), Uint8Array.of(0), Uint8Array.of(255, 255, 0)]) {
    expect(() => parseBundle(bytes, 1)).toThrow(expect.objectContaining({ code: 'malformed' }));
  }
  expect(() => parseBundle(bundle, 2)).toThrow(expect.objectContaining({ code: 'malformed' }));
  expect(() => formatBundle([new Uint8Array(MAX_LEAF_BYTES + 1)])).toThrow(
    expect.objectContaining({ code: 'internal' }),
  );
});
