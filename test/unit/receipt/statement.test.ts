// A receipt as a DSSE envelope in a sigstore bundle: what the signer signs, and what foreign verifiers take.

import { createPublicKey } from 'node:crypto';
import { bundleFromJSON } from '@sigstore/bundle';
import { toSignedEntity, toTrustMaterial, Verifier } from '@sigstore/verify';
import { describe, expect, test } from 'vitest';
import type { WarderError } from '../../../src/base/errors/errors.ts';
import { signStatement } from '../../../src/trust/receipt/sign-statement.ts';
import { statementAdmitter } from '../../../src/trust/receipt/statement-admitter.ts';
import { spki } from '../../../src/trust/signer/jwk.ts';
import { openMemorySigner } from '../../../src/trust/signer/memory/memory-signer.ts';
import type { PublicJwk, Signer } from '../../../src/trust/signer/signer.ts';
import { formatHead } from '../../../src/trust/verify/checkpoint.ts';
import {
  formatBundle,
  preAuthEncoding,
  type StatementEnvelope,
  verifyEnvelope,
} from '../../../src/trust/verify/envelope.ts';
import { loadKeys } from '../../../src/trust/verify/keys.ts';
import { hashLeaf } from '../../../src/trust/verify/merkle.ts';
import { formatNote, noteSignature } from '../../../src/trust/verify/note.ts';
import { formatProof } from '../../../src/trust/verify/proof.ts';
import { buildLeaf } from '../../../src/trust/receipt/build-leaf.ts';
import { callFacts, random } from './log-fixture.ts';

const origin = 'warder.invalid/log/0123456789abcdef';
const log = openMemorySigner('EdDSA', { roles: ['checkpoint'] });
const signing = signerOf();
const leaf = buildLeaf(callFacts(), random).bytes;

function signerOf(logKey: PublicJwk = log.key): Signer {
  return openMemorySigner('ES256', {
    roles: ['checkpoint', 'dsse'],
    admitters: [statementAdmitter(origin, () => logKey)],
  });
}

/** A proof of the only leaf of a log, signed by whoever is asked. */
async function proofBy(
  signers: readonly Signer[],
  bytes: Uint8Array = leaf,
  name = origin,
): Promise<string> {
  const text = formatHead({ origin: name, size: 1, root: hashLeaf(bytes) });
  const signatures = await Promise.all(
    signers.map(async (signer) => {
      const [key] = await loadKeys([JSON.stringify(signer.key)]);
      if (key === undefined) throw new Error('a key that was just made');
      const payload = Buffer.from(text);
      return noteSignature(name, key.raw, await signer.sign({ kind: 'checkpoint', payload }));
    }),
  );
  const checkpoint = formatNote({ text, signatures });
  return formatProof({ extra: bytes, index: 0, hashes: [], checkpoint });
}

const proof = await proofBy([log, signing]);
const bundle = await signStatement(proof, signing);
const envelope = bundle.dsseEnvelope;
const keys = await loadKeys([JSON.stringify(signing.key)], ['dsse']);

function codeOf(error: unknown): string {
  return (error as WarderError).code;
}

describe('the signer signs a statement', () => {
  test('that is a leaf under a head it signed', async () => {
    const verified = await verifyEnvelope(JSON.stringify(envelope), keys);
    expect(verified.leafHash).toBe(Buffer.from(hashLeaf(leaf)).toString('hex'));
    expect(verified.statement.predicate.tool).toBe('text_echo');
    expect((await verifyEnvelope(JSON.stringify(bundle), keys)).id).toBe(verified.id);
    // Of several keys, the one that signed.
    const more = [...(await loadKeys([JSON.stringify(signerOf().key)], ['dsse'])), ...keys];
    const { signedBy } = await verifyEnvelope(JSON.stringify(envelope), more);
    expect(signedBy).toEqual([`ES256 ${signing.key.kid}`]);
  });

  const other = buildLeaf(callFacts(), random).bytes;
  const foreign = signerOf();
  const free = openMemorySigner('ES256', { roles: ['checkpoint'] });
  const attacks: readonly (readonly [string, Uint8Array, () => Promise<unknown>])[] = [
    ['without evidence', leaf, () => Promise.resolve(undefined)],
    ['with evidence of another kind', leaf, () => Promise.resolve({ proof: 7 })],
    ['another leaf than the proof is of', other, async () => ({ proof })],
    ['a leaf under a head nobody signed', other, async () => ({ proof: await proofBy([], other) })],
    [
      'a leaf under a head that another key signed',
      leaf,
      async () => ({ proof: await proofBy([log, free]) }),
    ],
    [
      'a leaf under a head of the log key alone',
      leaf,
      async () => ({ proof: await proofBy([log]) }),
    ],
    [
      'a leaf under a head that the log key did not sign',
      leaf,
      async () => ({ proof: await proofBy([foreign, signing]) }),
    ],
    [
      'a leaf of another log',
      leaf,
      async () => ({ proof: await proofBy([log, signing], leaf, 'warder.invalid/log/other') }),
    ],
    [
      'an arbitrary statement, though it is in the log',
      Buffer.from('{"_type":"https://in-toto.io/Statement/v1"}'),
      async () => ({
        proof: await proofBy(
          [log, signing],
          Buffer.from('{"_type":"https://in-toto.io/Statement/v1"}'),
        ),
      }),
    ],
  ];
  test.each(attacks)('but never %s', async (_, bytes, evidence) => {
    const request = {
      kind: 'dsse',
      payload: preAuthEncoding(bytes),
      evidence: await evidence(),
    } as const;
    await expect(signing.sign(request)).rejects.toMatchObject({ code: 'not-trusted' });
  });

  test('but never bytes that only begin like one', async () => {
    const payload = Buffer.from(`DSSEv1 4 text ${leaf.length} ${Buffer.from(leaf).toString()}`);
    const refused = signing.sign({ kind: 'dsse', payload, evidence: { proof } });
    await expect(refused).rejects.toMatchObject({ code: 'not-trusted' });
  });
});

describe('our verifier refuses', () => {
  const changed = (change: (copy: Changeable) => void): string => {
    const copy = structuredClone(bundle) as unknown as Changeable;
    change(copy);
    return JSON.stringify(copy);
  };
  const sig = (base64: string): string => flip(base64, 20);
  test.each([
    [
      'a flipped bit of the payload',
      'verification-failed',
      changed((b) => {
        b.dsseEnvelope.payload = flip(b.dsseEnvelope.payload, 300);
      }),
    ],
    [
      'a flipped bit of the signature',
      'verification-failed',
      changed((b) => {
        b.dsseEnvelope.signatures[0].sig = sig(b.dsseEnvelope.signatures[0].sig);
      }),
    ],
    [
      'another payload type',
      'malformed',
      changed((b) => {
        b.dsseEnvelope.payloadType = 'text/plain';
      }),
    ],
    [
      'two signatures',
      'malformed',
      changed((b) => {
        b.dsseEnvelope.signatures.push(b.dsseEnvelope.signatures[0]);
      }),
    ],
    [
      'another key named',
      'not-trusted',
      changed((b) => {
        b.verificationMaterial.publicKey.hint = 'x';
      }),
    ],
    [
      'another media type',
      'malformed',
      changed((b) => {
        b.mediaType = 'application/json';
      }),
    ],
    [
      'a member nobody knows',
      'malformed',
      changed((b) => {
        b.dsseEnvelope['more'] = 1;
      }),
    ],
  ])('%s', async (_, code, text) => {
    expect(await verifyEnvelope(text, keys).then(() => 'accepted', codeOf)).toBe(code);
  });

  test('a key that is not for statements', async () => {
    const checkpointKeys = await loadKeys([JSON.stringify(signing.key)], ['checkpoint']);
    const refused = verifyEnvelope(JSON.stringify(envelope), checkpointKeys);
    await expect(refused).rejects.toMatchObject({ code: 'not-trusted' });
  });
});

interface Changeable {
  mediaType: string;
  verificationMaterial: { publicKey: { hint: string } };
  dsseEnvelope: {
    payloadType: string;
    payload: string;
    signatures: [{ sig: string }, ...{ sig: string }[]];
    [name: string]: unknown;
  };
}

/** Another byte somewhere inside, still base64. */
function flip(base64: string, at: number): string {
  const bytes = Buffer.from(base64, 'base64');
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  return bytes.toString('base64');
}

describe('@sigstore/verify', () => {
  const verifyWith = (signer: PublicJwk, made: StatementEnvelope): void => {
    const bundle = bundleFromJSON(formatBundle(made, signer.kid));
    const rawBytes = Buffer.from(spki(signer));
    const trust = toTrustMaterial(
      { certificateAuthorities: [], timestampAuthorities: [], tlogs: [], ctlogs: [] } as never,
      () => ({
        publicKey: createPublicKey({ key: rawBytes, format: 'der', type: 'spki' }),
        validFor: () => true,
      }),
    );
    const none = { ctlogThreshold: 0, tlogThreshold: 0, timestampThreshold: 0 };
    new Verifier(trust, none).verify(toSignedEntity(bundle));
  };

  test('takes the bundle', () => {
    expect(() => verifyWith(signing.key, envelope)).not.toThrow();
  });

  const [{ sig }] = envelope.signatures;
  test.each([
    ['a flipped bit', { ...envelope, payload: flip(envelope.payload, 300) }],
    ['a flipped signature', { ...envelope, signatures: [{ sig: flip(sig, 20) }] as const }],
    ['another payload', { ...envelope, payload: Buffer.from('{}').toString('base64') }],
  ] as const)('refuses %s', (_, made) => {
    expect(() => verifyWith(signing.key, made)).toThrow('signature verification failed');
  });

  test('refuses another key', () => {
    expect(() => verifyWith(signerOf().key, envelope)).toThrow('signature verification failed');
  });
});
