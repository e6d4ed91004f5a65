import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  emptyRoot,
  hashLeaf,
  hashNode,
  verifyConsistency,
  verifyInclusion,
} from '../../../src/trust/verify/merkle.ts';
import { TileTree } from '../../../src/trust/verify/tile-tree.ts';
import { vectorFiles } from './vectors.ts';

interface InclusionVector {
  readonly leafIdx: number;
  readonly treeSize: number;
  readonly root: string | null;
  readonly leafHash: string | null;
  readonly proof: readonly string[] | null;
  readonly wantErr: boolean;
}

interface ConsistencyVector {
  readonly size1: number;
  readonly size2: number;
  readonly root1: string | null;
  readonly root2: string | null;
  readonly proof: readonly string[] | null;
  readonly wantErr: boolean;
}

const bytes = (text: string | null): Uint8Array => Buffer.from(text ?? '', 'base64');
const hashes = (texts: readonly string[] | null): Uint8Array[] => (texts ?? []).map(bytes);

function misjudged(
  files: Map<string, unknown>,
  check: (vector: never) => void,
): { wrong: string[]; judged: number } {
  const wrong: string[] = [];
  for (const [name, vector] of files) {
    let refused = false;
    try {
      check(vector as never);
    } catch (thrown) {
      expect(thrown).toMatchObject({ code: 'verification-failed' });
      refused = true;
    }
    if (refused !== (vector as { wantErr: boolean }).wantErr) wrong.push(name);
  }
  return { wrong, judged: files.size };
}

test('every third-party inclusion proof is judged as its author says', () => {
  const files = vectorFiles('merkle/testdata/inclusion');
  const { wrong, judged } = misjudged(files, (vector: InclusionVector) => {
    verifyInclusion({
      index: vector.leafIdx,
      size: vector.treeSize,
      leafHash: bytes(vector.leafHash),
      root: bytes(vector.root),
      proof: hashes(vector.proof),
    });
  });
  expect(wrong).toEqual([]);
  expect(judged === 0 || judged > 50).toBe(true);
});

test('every third-party consistency proof is judged as its author says', () => {
  const files = vectorFiles('merkle/testdata/consistency');
  const { wrong, judged } = misjudged(files, (vector: ConsistencyVector) => {
    verifyConsistency({
      earlierSize: vector.size1,
      earlierRoot: bytes(vector.root1),
      size: vector.size2,
      root: bytes(vector.root2),
      proof: hashes(vector.proof),
    });
  });
  expect(wrong).toEqual([]);
  expect(judged === 0 || judged > 50).toBe(true);
});

/** RFC 6962 section 2.1, word for word. */
function rootOf(leaves: readonly Uint8Array[]): Uint8Array {
  const [only] = leaves;
  if (only === undefined) return emptyRoot();
  if (leaves.length === 1) return hashLeaf(only);
  const split = 2 ** Math.floor(Math.log2(leaves.length - 1));
  return hashNode(rootOf(leaves.slice(0, split)), rootOf(leaves.slice(split)));
}

test('a tree grown through tiles has the root RFC 6962 defines, at every size', () => {
  const leaves = Array.from({ length: 700 }, (_, at) => Buffer.from(`leaf ${at}`));
  const full: string[] = [];
  const tree = new TileTree((level, index, tile) => {
    full.push(`${level}/${index}`);
    expect(tile).toHaveLength(256);
  });
  for (const [at, leaf] of leaves.entries()) {
    if (at < 40 || at % 61 === 0) expect(tree.root()).toEqual(rootOf(leaves.slice(0, at)));
    tree.push(hashLeaf(leaf));
  }
  expect(tree.root()).toEqual(rootOf(leaves));
  expect(full).toEqual(['0/0', '0/1']);
});

test('a tree of more than 65,536 leaves fills tiles of the next level', () => {
  const full: string[] = [];
  // The shape is what is tested: joining is cheap here.
  const join = (left: Uint8Array, right: Uint8Array): Uint8Array =>
    Uint8Array.of((left[0] ?? 0) + (right[0] ?? 0) * 3 + 1);
  const tree = new TileTree((level, index) => full.push(`${level}/${index}`), join);
  for (let at = 0; at < 65_536 + 300; at += 1) tree.push(Uint8Array.of(at));
  expect(full.filter((name) => name.startsWith('1/'))).toEqual(['1/0']);
  expect(full.filter((name) => name.startsWith('0/'))).toHaveLength(257);
  expect([tree.edge(0).length, tree.edge(1).length, tree.edge(2).length]).toEqual([44, 1, 1]);
});

test('sizes beyond 2^31 are counted, not wrapped', () => {
  const hash = new Uint8Array(32);
  const claim = { leafHash: hash, root: hash, proof: [] };
  for (const [index, size] of [
    [0, 2 ** 32],
    [2 ** 32, 1],
    [-1, 1],
    [0.5, 2],
    [0, Number.NaN],
  ] as const) {
    expect(() => verifyInclusion({ ...claim, index, size })).toThrow(
      expect.objectContaining({ code: 'verification-failed' }),
    );
  }
});

test('no flipped bit of a proof goes unseen', () => {
  const leaves = Array.from({ length: 13 }, (_, at) => hashLeaf(Uint8Array.of(at)));
  const left = hashNode(leaves[0] as Uint8Array, leaves[1] as Uint8Array);
  const proof = [leaves[2] as Uint8Array, left];
  const root = hashNode(left, leaves[2] as Uint8Array);
  const claim = { index: 2, size: 3, leafHash: leaves[2] as Uint8Array, root, proof: [left] };
  verifyInclusion(claim);
  expect(() => verifyInclusion({ ...claim, proof })).toThrow('too long');
  fc.assert(
    fc.property(
      fc.nat(31),
      fc.nat(7),
      fc.constantFrom('root', 'leafHash', 'proof'),
      (at, bit, part) => {
        const flip = (hash: Uint8Array): Uint8Array =>
          hash.map((byte, index) => (index === at ? byte ^ (1 << bit) : byte));
        const changed =
          part === 'proof' ? { proof: [flip(left)] } : { [part]: flip(claim[part as 'root']) };
        expect(() => verifyInclusion({ ...claim, ...changed })).toThrow();
      },
    ),
  );
});
