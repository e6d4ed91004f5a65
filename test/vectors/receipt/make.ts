// Makes the vectors beside it from fixed keys, salts and times. Run with `node test/vectors/receipt/make.ts`.
// ECDSA signatures are random: one that is in a vector already and still holds is kept.

import {
  createECDH,
  createHash,
  createPrivateKey,
  createPublicKey,
  sign,
  verify,
} from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { format } from 'prettier';
import { encodeBase64 } from '../../../src/base/encoding/base64.ts';
import { buildLeaf } from '../../../src/trust/receipt/build-leaf.ts';
import { hashLeaf } from '../../../src/trust/receipt/digest.ts';
import type { ReceiptFacts } from '../../../src/trust/receipt/leaf.ts';
import { LogTree } from '../../../src/trust/receipt/log-tree.ts';
import { formatHead, type Head } from '../../../src/trust/verify/checkpoint.ts';
import { DISCLOSURE_TYPE } from '../../../src/trust/verify/disclosure.ts';
import {
  formatBundle,
  formatEnvelope,
  preAuthEncoding,
  type StatementEnvelope,
} from '../../../src/trust/verify/envelope.ts';
import { formatJwk } from '../../../src/trust/verify/jwk.ts';
import { formatVkey, noteKeyId } from '../../../src/trust/verify/note-key.ts';
import { formatNote, noteSignature, type NoteSignature } from '../../../src/trust/verify/note.ts';
import { formatProof } from '../../../src/trust/verify/proof.ts';
import { parseSpki, type RawKey } from '../../../src/trust/verify/spki.ts';

const here = import.meta.dirname;
const sha256 = (text: string | Uint8Array): Buffer => createHash('sha256').update(text).digest();
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

// Keys. Everybody knows them: never trust them outside tests.
const seed = sha256('warder receipt vectors: log key');
const logPrivate = createPrivateKey({
  key: Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), seed]),
  format: 'der',
  type: 'pkcs8',
});
function p256(name: string): ReturnType<typeof createPrivateKey> {
  const secret = sha256(name);
  const ecdh = createECDH('prime256v1');
  ecdh.setPrivateKey(secret);
  const point = ecdh.getPublicKey();
  const jwk = {
    kty: 'EC',
    crv: 'P-256',
    d: secret.toString('base64url'),
    x: point.subarray(1, 33).toString('base64url'),
    y: point.subarray(33).toString('base64url'),
  };
  return createPrivateKey({ key: jwk, format: 'jwk' });
}
const signingPrivate = p256('warder receipt vectors: signing key');
const strangerPrivate = p256('warder receipt vectors: a key nobody trusts');
type PrivateKey = typeof logPrivate;
const rawOf = (key: PrivateKey): RawKey =>
  parseSpki(createPublicKey(key).export({ format: 'der', type: 'spki' }));
const logRaw = rawOf(logPrivate);
const signingRaw = rawOf(signingPrivate);
const logSpki = createPublicKey(logPrivate).export({ format: 'der', type: 'spki' });
const origin = `warder.invalid/log/${hex(sha256(logSpki)).slice(0, 16)}`;

/** Signatures in the vectors as they are, by signing key and text. */
const kept: Record<string, string> = existsSync(join(here, 'signatures.json'))
  ? (JSON.parse(readFileSync(join(here, 'signatures.json'), 'utf8')) as Record<string, string>)
  : {};
const used: Record<string, string> = {};

/** A signature, raw; the same as last time where it is there and holds. */
function signed(key: PrivateKey, raw: RawKey, bytes: Uint8Array): Buffer {
  if (raw.form.alg === 'EdDSA') return sign(null, bytes, key);
  const options = { key, dsaEncoding: 'ieee-p1363' } as const;
  const index = `${formatJwk(raw).kid} ${hex(sha256(bytes))}`;
  const old = Buffer.from(used[index] ?? kept[index] ?? '', 'base64');
  const holds = old.length === 64 && verify('sha256', bytes, { ...options }, old);
  const signature = holds ? old : sign('sha256', bytes, options);
  used[index] = encodeBase64(signature);
  return signature;
}

function line(key: PrivateKey, name: string, text: string): NoteSignature {
  const raw = rawOf(key);
  return noteSignature(name, raw, signed(key, raw, Buffer.from(text)));
}

function note(head: Head, keys: readonly PrivateKey[] = [logPrivate, signingPrivate]): string {
  const text = formatHead(head);
  return formatNote({ text, signatures: keys.map((key) => line(key, head.origin, text)) });
}

/** Randomness of a case: SHA-256 of its name and a counter, as often as needed. */
function randomOf(name: string): (bytes: number) => Uint8Array {
  return (bytes) =>
    Buffer.concat(
      Array.from({ length: Math.ceil(bytes / 32) }, (_, at) => sha256(`${name} ${at}`)),
    ).subarray(0, bytes);
}

// Leaves.
const call: ReceiptFacts = {
  id: 'call_01KA9ZJ5R00000000000000001',
  type: 'call',
  outcome: 'done',
  tenant: 'default',
  time: Date.UTC(2026, 10, 21, 9, 0, 0, 5),
  subject: {
    name: 'call',
    sha256: hex(sha256('{"arguments":{"text":"hello"},"tool":"text_upper"}')),
  },
  tool: 'text_upper',
  installation: { id: 'text-1', digest: hex(sha256('package')) },
  principal: 'agent:default',
  lease: hex(sha256('lease')),
  arguments: { text: 'hello' },
  result: { content: [{ type: 'text', text: 'HELLO' }] },
  decision: {
    effect: 'allow',
    rules: ['r-1'],
    policyDigest: hex(sha256('policy')),
    latencyUs: 88,
  },
  usage: { cpuUs: 120, latencyUs: 640 },
  assurance: 'personal',
  jail: 'none',
};
const effect = {
  kind: 'http',
  state: 'answered',
  count: 1,
  target: 'GET https://api.example.com/v1/items',
  bytes: 512,
} as const;
const cases: readonly (readonly [name: string, facts: ReceiptFacts])[] = [
  ['a call', call],
  [
    'a refusal',
    {
      ...call,
      id: 'call_01KA9ZJ5R00000000000000002',
      outcome: 'refused',
      code: 'policy-denied',
      reason: 'no rule permits `text_upper` — “nein”\u2028',
      decision: { effect: 'refuse', rules: [], policyDigest: hex(sha256('policy')), latencyUs: 70 },
    },
  ],
  [
    'an operator on behalf of an agent, with effects',
    {
      ...call,
      id: 'call_01KA9ZJ5R00000000000000003',
      operator: true,
      task: 'task-7',
      approval: 'appr_01KA9ZJ5R0000000000000000A',
      effects: [
        effect,
        { ...effect, kind: 'file-read', state: 'refused', target: '/data/a.txt', bytes: 0 },
      ],
    },
  ],
  [
    'more effects and rules than are shown',
    {
      ...call,
      id: 'call_01KA9ZJ5R00000000000000004',
      effects: Array.from({ length: 30 }, (_, at) => ({ ...effect, target: `GET /${at}` })),
      decision: {
        effect: 'allow',
        rules: Array.from({ length: 20 }, (_, at) => `r-${at}`),
        policyDigest: hex(sha256('policy')),
        latencyUs: 1,
      },
      detail: { long: 'x'.repeat(1100) },
    },
  ],
  [
    'an approval',
    {
      id: 'approval_01KA9ZJ5R00000000000000005',
      type: 'approval',
      outcome: 'approved',
      tenant: 'acme',
      time: call.time,
      subject: call.subject,
      principal: 'operator',
      approval: 'appr_01KA9ZJ5R0000000000000000A',
      assurance: 'personal',
      jail: 'none',
    },
  ],
  [
    'texts that are not shown as they are',
    {
      ...call,
      id: 'call_01KA9ZJ5R00000000000000006',
      task: 't'.repeat(300),
      code: 'a\u0000b',
      detail: { counts: [1, 2.5, -0] },
    },
  ],
];
const built = cases.map(([name, facts]) => {
  const { bytes, openings } = buildLeaf(facts, randomOf(name));
  return { name, facts, leaf: Buffer.from(bytes), openings };
});
const [first] = built;
if (first === undefined) throw new Error('no leaf');
const text = first.leaf.toString();
const change = (from: string, to: string): string => {
  if (!text.includes(from)) throw new Error(`the leaf has no ${from}`);
  return text.replace(from, to);
};
const refusedLeaves = [
  { name: 'white space', leaf: `${text} ` },
  {
    name: 'members in another order',
    leaf: JSON.stringify({ subject: [], ...(JSON.parse(text) as object) }),
  },
  { name: 'a member twice', leaf: change('{"_type"', '{"_type":"x","_type"') },
  { name: 'another statement type', leaf: change('Statement/v1', 'Statement/v2') },
  { name: 'another predicate type', leaf: change('receipt/v1', 'receipt/v2') },
  { name: 'no nonce', leaf: change('"nonce"', '"nonc"') },
  {
    name: 'a short commitment',
    leaf: text.replace(/"arguments":"[0-9a-f]{64}"/, '"arguments":"00"'),
  },
  {
    name: 'a digest in upper case',
    leaf: text.replace(/"sha256":"[0-9a-f]{64}"/, (m) =>
      m.toUpperCase().replace('SHA256', 'sha256'),
    ),
  },
  {
    name: 'an integer beyond 2^53',
    leaf: change('"latencyUs":88', '"latencyUs":9007199254740993'),
  },
  { name: 'a time without milliseconds', leaf: change('.005Z', 'Z') },
  { name: 'no JSON', leaf: 'leaf' },
  { name: 'longer than 16 KiB', leaf: change('"tenant"', `"pad":"${'x'.repeat(16384)}","tenant"`) },
].map((each) => ({ ...each, expect: 'malformed' }));

// A log of the built leaves, and one of many short ones for the shape of trees and tiles.
function treeOver(leaves: readonly Buffer[]): LogTree {
  return new LogTree(
    { tile: () => undefined, leaves: (from, count) => leaves.slice(from, from + count) },
    leaves.length,
  );
}
const leaves = built.map(({ leaf }) => leaf);
const tree = treeOver(leaves);
const head: Head = { origin, size: leaves.length, root: tree.root() };
const many = treeOver(Array.from({ length: 600 }, (_, at) => Buffer.from(`leaf ${at}`)));
const b64 = (hashes: readonly Uint8Array[]): string[] => hashes.map((hash) => encodeBase64(hash));

const good = note(head);
const proofOf = (index: number, checkpoint = good): string =>
  formatProof({
    extra: leaves[index] ?? Buffer.alloc(0),
    index,
    hashes: tree.inclusion(index, leaves.length),
    checkpoint,
  });
const proof = proofOf(2);
const otherOrigin = 'warder.invalid/log/0000000000000000';
const lines = good.split('\n');
const flip = (from: string, at: number): string => {
  const old = from.charAt(at);
  return from.slice(0, at) + (old === 'A' ? 'B' : 'A') + from.slice(at + 1);
};
const [edLine = '', esLine = ''] = lines.slice(4);

const refusedCheckpoints = [
  { name: 'only the log key signed', note: note(head, [logPrivate]), expect: 'not-trusted' },
  {
    name: 'only the signing key signed',
    note: note(head, [signingPrivate]),
    expect: 'not-trusted',
  },
  { name: 'a stranger signed', note: note(head, [strangerPrivate]), expect: 'not-trusted' },
  {
    name: 'a stranger in place of the signing key',
    note: note(head, [logPrivate, strangerPrivate]),
    expect: 'not-trusted',
  },
  { name: 'the size changed', note: good.replace('\n6\n', '\n7\n'), expect: 'verification-failed' },
  {
    name: 'the root changed',
    note: good.replace(lines[2] ?? '', flip(lines[2] ?? '', 3)),
    expect: 'verification-failed',
  },
  {
    name: 'the Ed25519 signature changed',
    note: good.replace(edLine, flip(edLine, edLine.length - 20)),
    expect: 'verification-failed',
  },
  {
    name: 'the ECDSA signature changed',
    note: good.replace(esLine, flip(esLine, esLine.length - 20)),
    expect: 'verification-failed',
  },
  {
    name: 'signed for another origin',
    note: good.replace(origin, otherOrigin),
    expect: 'not-trusted',
  },
  { name: 'no blank line', note: good.replace('\n\n', '\n'), expect: 'malformed' },
  { name: 'no final newline', note: good.slice(0, -1), expect: 'malformed' },
  {
    name: 'a size with a leading zero',
    note: good.replace('\n6\n', '\n06\n'),
    expect: 'malformed',
  },
  { name: 'a carriage return', note: good.replace('\n6\n', '\n6\r\n'), expect: 'malformed' },
  { name: 'a signature line twice', note: `${good}${edLine}\n`, expect: 'malformed' },
  {
    name: 'unpadded base64',
    note: good.replace(`${lines[2]}`, `${lines[2]}`.slice(0, -1)),
    expect: 'malformed',
  },
];
const refusedProofs = [
  {
    name: 'the leaf changed',
    proof: proof.replace(/extra (.)/, (_, c: string) => `extra ${c === 'e' ? 'f' : 'e'}`),
    expect: 'verification-failed',
  },
  {
    name: 'the leaf of another receipt',
    proof: proof.replace(/extra .+/, `extra ${encodeBase64(leaves[1] ?? Buffer.alloc(0))}`),
    expect: 'verification-failed',
  },
  {
    name: 'another index',
    proof: proof.replace('index 2', 'index 3'),
    expect: 'verification-failed',
  },
  {
    name: 'an index beyond the tree',
    proof: proof.replace('index 2', 'index 6'),
    expect: 'verification-failed',
  },
  {
    name: 'a hash less',
    proof: proof.replace(/index 2\n.+\n/, 'index 2\n'),
    expect: 'verification-failed',
  },
  {
    name: 'a hash more',
    proof: proof.replace('index 2\n', `index 2\n${encodeBase64(sha256('x'))}\n`),
    expect: 'verification-failed',
  },
  {
    name: 'a checkpoint of another tree',
    proof: proofOf(2, note({ ...head, root: many.root() })),
    expect: 'verification-failed',
  },
  {
    name: 'a checkpoint without the signing key',
    proof: proofOf(2, note(head, [logPrivate])),
    expect: 'not-trusted',
  },
  { name: 'no leaf', proof: proof.replace(/extra .+\n/, ''), expect: 'malformed' },
  { name: 'another first line', proof: proof.replace('@v1', '@v2'), expect: 'malformed' },
  {
    name: 'base64 with unused bits',
    proof: proof
      .replace(/=\n\n/, (m) => m)
      .replace(/(.)=\n(?=\n)/, (_, c: string) => `${String.fromCharCode(c.charCodeAt(0) + 1)}=\n`),
    expect: 'malformed',
  },
  {
    name: 'a leaf that is no receipt',
    proof: formatProof({
      extra: Buffer.from('leaf 0'),
      index: 0,
      hashes: [],
      checkpoint: note({ origin, size: 1, root: hashLeaf(Buffer.from('leaf 0')) }),
    }),
    expect: 'malformed',
  },
];

const sizes = [0, 1, 2, 3, 4, 5, 7, 8, 255, 256, 257, 511, 512, 513, 600];
const pairs = [
  [1, 2],
  [1, 600],
  [2, 3],
  [3, 7],
  [4, 8],
  [6, 8],
  [7, 8],
  [255, 256],
  [256, 257],
  [256, 512],
  [300, 600],
  [599, 600],
] as const;

// Receipts with openings, for readers.
const shown = built[2] ?? first;
type Opened = Record<string, Record<string, unknown>>;
const openingsOf = (names: readonly string[]): Opened =>
  Object.fromEntries(
    names.map((name) => {
      const at = /^effects\/(\d+)$/.exec(name)?.[1];
      const kept =
        at === undefined ? shown.openings.fields[name] : shown.openings.effects[Number(at)];
      return [name, { ...kept }];
    }),
  );
const everyName = ['arguments', 'principal', 'result', 'policy', 'effects/0', 'effects/1'];
function disclosed(names: readonly string[], alter: (file: Json) => void = () => {}): string {
  const file: Json = { _type: DISCLOSURE_TYPE, proof: proofOf(2), openings: openingsOf(names) };
  alter(file);
  return JSON.stringify(file);
}
interface Json {
  [name: string]: unknown;
  proof: string;
  openings: Opened;
}
const disclosures = {
  good: [
    { name: 'everything', disclosure: disclosed(everyName), disclosed: everyName, sealed: [] },
    {
      name: 'the result alone',
      disclosure: disclosed(['result']),
      disclosed: ['result'],
      sealed: everyName.filter((name) => name !== 'result'),
    },
    { name: 'nothing', disclosure: disclosed([]), disclosed: [], sealed: everyName },
    {
      name: 'a salt without its value',
      disclosure: disclosed(['result'], ({ openings }) => {
        const { salt } = openingsOf(['arguments'])['arguments'] ?? {};
        openings['arguments'] = { salt, bytes: 16 };
      }),
      disclosed: ['result'],
      unopened: ['arguments'],
      sealed: everyName.filter((name) => name !== 'result' && name !== 'arguments'),
    },
  ],
  refused: [
    {
      name: 'another value',
      disclosure: disclosed(['result'], ({ openings }) => {
        openings['result'] = { ...openings['result'], value: { content: [] } };
      }),
      expect: 'verification-failed',
    },
    {
      name: 'another salt',
      disclosure: disclosed(['result'], ({ openings }) => {
        openings['result'] = { ...openings['result'], salt: '00'.repeat(16) };
      }),
      expect: 'verification-failed',
    },
    {
      name: 'an opening under the name of another',
      disclosure: disclosed(['result', 'arguments'], ({ openings }) => {
        openings['arguments'] = openings['result'] ?? {};
      }),
      expect: 'verification-failed',
    },
    {
      name: 'a name the receipt does not commit to',
      disclosure: disclosed(['result'], ({ openings }) => {
        openings['effects/2'] = openings['result'] ?? {};
      }),
      expect: 'verification-failed',
    },
    {
      name: 'a short salt',
      disclosure: disclosed(['result'], ({ openings }) => {
        openings['result'] = { ...openings['result'], salt: '00' };
      }),
      expect: 'malformed',
    },
    {
      name: 'a value and a length',
      disclosure: disclosed(['result'], ({ openings }) => {
        openings['result'] = { ...openings['result'], bytes: 3 };
      }),
      expect: 'malformed',
    },
    {
      name: 'another type',
      disclosure: disclosed(['result'], (file) => {
        file['_type'] = `${DISCLOSURE_TYPE}1`;
      }),
      expect: 'malformed',
    },
    {
      name: 'an unknown member',
      disclosure: disclosed(['result'], (file) => {
        file['more'] = true;
      }),
      expect: 'malformed',
    },
    {
      name: 'a proof whose checkpoint lacks a key',
      disclosure: disclosed(['result'], (file) => {
        file.proof = proofOf(2, note(head, [logPrivate]));
      }),
      expect: 'not-trusted',
    },
  ],
};

// The same receipt as a DSSE envelope, alone and in a sigstore bundle.
function envelopeBy(key: PrivateKey, payload: Uint8Array): StatementEnvelope {
  const raw = rawOf(key);
  return formatEnvelope(payload, raw, signed(key, raw, preAuthEncoding(payload)));
}
const envelope = envelopeBy(signingPrivate, shown.leaf);
const signingKid = formatJwk(signingRaw).kid;
const bundle = formatBundle(envelope, signingKid);
const alteredPayload = Buffer.from(shown.leaf);
alteredPayload[100] = (alteredPayload[100] ?? 0) ^ 1;
const envelopes = {
  good: [
    { name: 'an envelope', envelope: JSON.stringify(envelope) },
    { name: 'a sigstore bundle', envelope: JSON.stringify(bundle) },
  ],
  refused: [
    {
      name: 'another payload',
      envelope: JSON.stringify({ ...envelope, payload: encodeBase64(alteredPayload) }),
      expect: 'verification-failed',
    },
    {
      name: 'a stranger signed',
      envelope: JSON.stringify(envelopeBy(strangerPrivate, shown.leaf)),
      expect: 'verification-failed',
    },
    {
      name: 'the hint names a stranger',
      envelope: JSON.stringify(formatBundle(envelope, formatJwk(rawOf(strangerPrivate)).kid)),
      expect: 'not-trusted',
    },
    {
      name: 'another payload type',
      envelope: JSON.stringify({ ...envelope, payloadType: 'application/json' }),
      expect: 'malformed',
    },
    {
      name: 'two signatures',
      envelope: JSON.stringify({
        ...envelope,
        signatures: [...envelope.signatures, ...envelope.signatures],
      }),
      expect: 'malformed',
    },
    {
      name: 'no signature',
      envelope: JSON.stringify({ ...envelope, signatures: [] }),
      expect: 'malformed',
    },
    {
      name: 'another media type',
      envelope: JSON.stringify({ ...bundle, mediaType: 'application/json' }),
      expect: 'malformed',
    },
    {
      name: 'a statement that is no receipt',
      envelope: JSON.stringify(
        envelopeBy(signingPrivate, Buffer.from('{"_type":"https://in-toto.io/Statement/v1"}')),
      ),
      expect: 'malformed',
    },
  ],
};

// Keys of a log that was rotated after three leaves, as published then.
const nextPrivate = p256('warder receipt vectors: the signing key after a rotation');
const published = {
  keys: [
    { ...formatJwk(logRaw), warder_roles: ['checkpoint', 'rotation'], warder_origin: origin },
    {
      ...formatJwk(signingRaw),
      warder_roles: ['lease', 'checkpoint'],
      warder_origin: origin,
      warder_heads: { from: 0, to: 3 },
      warder_retired: { at: 1795251600, until: 1795255200 },
    },
    {
      ...formatJwk(rawOf(nextPrivate)),
      warder_roles: ['lease', 'checkpoint', 'rotation', 'revocations', 'dsse'],
      warder_origin: origin,
      warder_heads: { from: 4 },
    },
    {
      ...formatJwk(rawOf(strangerPrivate)),
      warder_roles: ['attest'],
      warder_origin: origin,
    },
  ],
};
const headOf = (size: number): Head => ({ origin, size, root: tree.rootAt(size) });
const rotations = {
  jwks: published,
  good: [
    { name: 'the old key, up to its last head', note: note(headOf(3)), size: 3 },
    {
      name: 'the new key, from its first',
      note: note(headOf(4), [logPrivate, nextPrivate]),
      size: 4,
    },
    {
      name: 'the old key beside the new one',
      note: note(head, [logPrivate, nextPrivate, signingPrivate]),
      size: 6,
    },
  ],
  refused: [
    { name: 'the old key after its last head', note: note(headOf(4)), expect: 'not-trusted' },
    {
      name: 'the new key before its first',
      note: note(headOf(3), [logPrivate, nextPrivate]),
      expect: 'not-trusted',
    },
    {
      name: 'a key of another role in the place of the new one',
      note: note(head, [logPrivate, strangerPrivate]),
      expect: 'not-trusted',
    },
    {
      name: 'another log',
      note: note({ ...head, origin: otherOrigin }, [logPrivate, nextPrivate]),
      expect: 'not-trusted',
    },
  ],
};

const files = {
  'disclosure.json': {
    comment: 'Receipts with openings. Verified with both keys of keys.json, all required.',
    ...disclosures,
  },
  'envelope.json': {
    comment: 'DSSE envelopes and sigstore bundles. Verified with the signing key of keys.json.',
    ...envelopes,
  },
  'rotation.json': {
    comment: 'Checkpoints verified with the keys of `jwks`, all required that sign such a head.',
    ...rotations,
  },
  'keys.json': {
    comment:
      'The keys of these vectors; everybody knows them. Names of checkpoint keys are the origin.',
    origin,
    logKey: {
      seed: hex(seed),
      spki: encodeBase64(logSpki),
      noteKeyId: hex(noteKeyId(origin, logRaw)),
    },
    signingKey: { noteKeyId: hex(noteKeyId(origin, signingRaw)) },
    jwks: { keys: [formatJwk(logRaw), formatJwk(signingRaw)] },
    vkeys: [
      formatVkey({ name: origin, raw: logRaw }),
      formatVkey({ name: origin, raw: signingRaw }),
    ],
  },
  'leaf.json': {
    comment: 'From facts and randomness to leaf and openings; leaves that are refused.',
    built: built.map(({ name, facts, leaf, openings }) => ({
      name,
      facts,
      random: hex(randomOf(name)(64 * 16)),
      leaf: leaf.toString(),
      leafHash: hex(hashLeaf(leaf)),
      openings,
    })),
    refused: refusedLeaves,
  },
  'tree.json': {
    comment: 'Leaf number N is the text `leaf N`. Roots by size, proofs in base64 (RFC 6962).',
    roots: sizes.map((size) => ({ size, root: encodeBase64(many.rootAt(size)) })),
    inclusion: sizes.slice(1).flatMap((size) =>
      [...new Set([0, Math.floor(size / 2), size - 1])].map((index) => ({
        index,
        size,
        proof: b64(many.inclusion(index, size)),
      })),
    ),
    consistency: pairs.map(([from, to]) => ({ from, to, proof: b64(many.consistency(from, to)) })),
  },
  'checkpoint.json': {
    comment: 'Verified with both keys of keys.json, all required.',
    good: [
      { name: 'a checkpoint', note: good, size: head.size, root: encodeBase64(head.root) },
      {
        name: 'a witness signed too',
        note: `${good}— witness.example AAAAAAEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB\n`,
        size: head.size,
        root: encodeBase64(head.root),
      },
      {
        name: 'the empty log',
        note: note({ origin, size: 0, root: many.rootAt(0) }),
        size: 0,
        root: encodeBase64(many.rootAt(0)),
      },
    ],
    refused: refusedCheckpoints,
  },
  'proof.json': {
    comment: 'Verified with both keys of keys.json, all required.',
    good: built.map(({ name, leaf }, index) => ({
      name,
      proof: proofOf(index),
      index,
      leafHash: hex(hashLeaf(leaf)),
    })),
    refused: refusedProofs,
  },
  'signatures.json': used,
};
for (const [name, content] of Object.entries(files)) {
  const text = await format(JSON.stringify(content), { parser: 'json', printWidth: 100 });
  writeFileSync(join(here, name), text);
}
console.log(`vectors of ${origin} written`);
