// The frozen formats, by the vectors in test/vectors/receipt. A change here is a new format version.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { decodeBase64, encodeBase64 } from '../../../src/base/encoding/base64.ts';
import { encodeHex } from '../../../src/base/encoding/hex.ts';
import { buildLeaf } from '../../../src/trust/receipt/build-leaf.ts';
import type { ReceiptFacts } from '../../../src/trust/receipt/leaf.ts';
import type { KeptOpening, Openings } from '../../../src/trust/receipt/openings.ts';
import { verifyCheckpoint } from '../../../src/trust/verify/checkpoint.ts';
import { type Opening, verifyOpening } from '../../../src/trust/verify/commitment.ts';
import { verifyDisclosure } from '../../../src/trust/verify/disclosure.ts';
import { verifyEnvelope } from '../../../src/trust/verify/envelope.ts';
import { loadKeys } from '../../../src/trust/verify/keys.ts';
import { parseLeaf } from '../../../src/trust/verify/leaf.ts';
import { hashLeaf, verifyConsistency, verifyInclusion } from '../../../src/trust/verify/merkle.ts';
import { formatVkey, parseVkey } from '../../../src/trust/verify/note-key.ts';
import { verifyReceipt } from '../../../src/trust/verify/receipt.ts';
import { TileTree } from '../../../src/trust/verify/tile-tree.ts';

function read(name: string): unknown {
  const path = join(import.meta.dirname, '../../vectors/receipt', name);
  return JSON.parse(readFileSync(path, 'utf8'));
}

interface Refused {
  readonly name: string;
  readonly expect: string;
}

const keyFile = read('keys.json') as { origin: string; jwks: unknown; vkeys: readonly string[] };
const keys = await loadKeys([JSON.stringify(keyFile.jwks)]);
const leaves = read('leaf.json') as {
  built: readonly {
    name: string;
    facts: ReceiptFacts;
    random: string;
    leaf: string;
    leafHash: string;
    openings: Openings;
  }[];
  refused: readonly (Refused & { leaf: string })[];
};
const tree = read('tree.json') as {
  roots: readonly { size: number; root: string }[];
  inclusion: readonly { index: number; size: number; proof: readonly string[] }[];
  consistency: readonly { from: number; to: number; proof: readonly string[] }[];
};
const checkpoints = read('checkpoint.json') as {
  good: readonly { name: string; note: string; size: number; root: string }[];
  refused: readonly (Refused & { note: string })[];
};
const proofs = read('proof.json') as {
  good: readonly { name: string; proof: string; index: number; leafHash: string }[];
  refused: readonly (Refused & { proof: string })[];
};

test.each(leaves.built)('leaf: $name', ({ facts, random, leaf, leafHash, openings }) => {
  const bytes = Buffer.from(random, 'hex');
  const built = buildLeaf(facts, (count) => bytes.subarray(0, count));
  expect(new TextDecoder().decode(built.bytes)).toBe(leaf);
  expect(JSON.parse(JSON.stringify(built.openings))).toEqual(openings);
  expect(encodeHex(hashLeaf(built.bytes))).toBe(leafHash);
  expect(parseLeaf(built.bytes).predicate.id).toBe(facts.id);
});

test.each(leaves.built)('openings open the leaf: $name', ({ leaf, openings }) => {
  const { predicate } = parseLeaf(Buffer.from(leaf));
  const { policy, ...fields } = openings.fields;
  const whole = (kept: KeptOpening | undefined): Opening => kept as Opening;
  for (const [name, opening] of Object.entries(fields)) {
    verifyOpening(predicate.commitments?.[name] ?? '', whole(opening));
  }
  if (predicate.decision !== undefined) verifyOpening(predicate.decision.policy, whole(policy));
  expect(Object.keys(fields).toSorted()).toEqual(
    Object.keys(predicate.commitments ?? {}).toSorted(),
  );
  for (const [at, effect] of (predicate.effects ?? []).entries()) {
    verifyOpening(effect.target, whole(openings.effects[at]));
  }
  const [opening] = Object.values(fields);
  const other = { ...whole(opening), value: 'another' };
  expect(() => verifyOpening(Object.values(predicate.commitments ?? {})[0] ?? '', other)).toThrow(
    expect.objectContaining({ code: 'verification-failed' }),
  );
});

test.each(leaves.refused)('leaf refused: $name', ({ leaf, expect: code }) => {
  expect(() => parseLeaf(Buffer.from(leaf))).toThrow(expect.objectContaining({ code }));
});

const hashes = (texts: readonly string[]): Uint8Array[] => texts.map((text) => decodeBase64(text));

test('tree: roots, inclusion and consistency', () => {
  const rootOf = new Map<number, Uint8Array>(
    tree.roots.map(({ size, root }) => [size, decodeBase64(root)]),
  );
  const grown = new TileTree();
  for (let size = 0; size <= 600; size += 1) {
    const root = rootOf.get(size);
    if (root !== undefined) expect(encodeBase64(grown.root())).toBe(encodeBase64(root));
    else rootOf.set(size, grown.root());
    grown.push(hashLeaf(Buffer.from(`leaf ${size}`)));
  }
  for (const { index, size, proof } of tree.inclusion) {
    const root = rootOf.get(size) ?? new Uint8Array();
    const leafHash = hashLeaf(Buffer.from(`leaf ${index}`));
    verifyInclusion({ index, size, leafHash, root, proof: hashes(proof) });
  }
  for (const { from, to, proof } of tree.consistency) {
    verifyConsistency({
      earlierSize: from,
      earlierRoot: rootOf.get(from) ?? new Uint8Array(),
      size: to,
      root: rootOf.get(to) ?? new Uint8Array(),
      proof: hashes(proof),
    });
  }
});

test('keys: a vkey says the same key as the JWKS', async () => {
  const fromVkeys = await loadKeys([keyFile.vkeys.join('\n')]);
  expect(fromVkeys.map(({ kid }) => kid)).toEqual(keys.map(({ kid }) => kid));
  for (const vkey of keyFile.vkeys) expect(formatVkey(parseVkey(vkey))).toBe(vkey);
});

test.each(checkpoints.good)('checkpoint: $name', async ({ note, size, root }) => {
  const verified = await verifyCheckpoint(note, keys);
  expect(verified).toMatchObject({ origin: keyFile.origin, size });
  expect(encodeBase64(verified.root)).toBe(root);
});

test.each(checkpoints.refused)('checkpoint refused: $name', async ({ note, expect: code }) => {
  await expect(verifyCheckpoint(note, keys)).rejects.toMatchObject({ code });
});

test.each(proofs.good)('proof: $name', async ({ proof, index, leafHash }) => {
  const verified = await verifyReceipt(proof, keys);
  expect(verified).toMatchObject({ index, leafHash, origin: keyFile.origin, treeSize: 6 });
});

test.each(proofs.refused)('proof refused: $name', async ({ proof, expect: code }) => {
  await expect(verifyReceipt(proof, keys)).rejects.toMatchObject({ code });
});

const disclosures = read('disclosure.json') as {
  readonly good: readonly {
    readonly name: string;
    readonly disclosure: string;
    readonly disclosed: readonly string[];
    readonly unopened?: readonly string[];
    readonly sealed: readonly string[];
  }[];
  readonly refused: readonly (Refused & { readonly disclosure: string })[];
};
const envelopes = read('envelope.json') as {
  readonly good: readonly { readonly name: string; readonly envelope: string }[];
  readonly refused: readonly (Refused & { readonly envelope: string })[];
};
const rotations = read('rotation.json') as {
  readonly jwks: unknown;
  readonly good: readonly { readonly name: string; readonly note: string; readonly size: number }[];
  readonly refused: readonly (Refused & { readonly note: string })[];
};

test.each(disclosures.good)('disclosure: $name', async (vector) => {
  const verified = await verifyDisclosure(vector.disclosure, keys);
  const sorted = (names: readonly string[]): readonly string[] => names.toSorted();
  expect(sorted(Object.keys(verified.disclosed))).toEqual(sorted(vector.disclosed));
  expect(verified.unopened).toEqual(vector.unopened ?? []);
  expect(sorted(verified.sealed)).toEqual(sorted(vector.sealed));
});

test('disclosure: a value one has opens a salt one was given', async () => {
  const { disclosure = '' } = disclosures.good.at(-1) ?? {};
  const mine = { arguments: { text: 'hello' } };
  const verified = await verifyDisclosure(disclosure, keys, {}, mine);
  expect(verified.disclosed['arguments']).toEqual(mine.arguments);
  const other = { arguments: { text: 'Hello' } };
  await expect(verifyDisclosure(disclosure, keys, {}, other)).rejects.toMatchObject({
    code: 'verification-failed',
  });
});

test.each(disclosures.refused)(
  'disclosure refused: $name',
  async ({ disclosure, expect: code }) => {
    await expect(verifyDisclosure(disclosure, keys)).rejects.toMatchObject({ code });
  },
);

test.each(envelopes.good)('envelope: $name', async ({ envelope }) => {
  const dsse = await loadKeys([JSON.stringify(keyFile.jwks)], ['dsse']);
  expect((await verifyEnvelope(envelope, dsse)).id).toBe('call_01KA9ZJ5R00000000000000003');
});

test.each(envelopes.refused)('envelope refused: $name', async ({ envelope, expect: code }) => {
  const dsse = await loadKeys([JSON.stringify(keyFile.jwks)], ['dsse']);
  await expect(verifyEnvelope(envelope, dsse)).rejects.toMatchObject({ code });
});

test.each(rotations.good)('rotated keys: $name', async ({ note, size }) => {
  const trusted = await loadKeys([JSON.stringify(rotations.jwks)]);
  expect((await verifyCheckpoint(note, trusted)).size).toBe(size);
});

test.each(rotations.refused)('rotated keys refused: $name', async ({ note, expect: code }) => {
  const trusted = await loadKeys([JSON.stringify(rotations.jwks)]);
  await expect(verifyCheckpoint(note, trusted)).rejects.toMatchObject({ code });
});

test('with all keys given, no flipped bit of a proof goes unseen', async () => {
  const { proof } = proofs.good[2] ?? { proof: '' };
  const bytes = Buffer.from(proof);
  const unseen: number[] = [];
  for (let at = 0; at < bytes.length; at += 1) {
    const changed = Buffer.from(bytes);
    changed[at] = (changed[at] ?? 0) ^ (1 << (at % 7));
    await verifyReceipt(changed.toString(), keys).then(
      () => unseen.push(at),
      () => undefined,
    );
  }
  expect(unseen).toEqual([]);
});
