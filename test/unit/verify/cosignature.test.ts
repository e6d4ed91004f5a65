import { generateKeyPairSync, sign } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { encodeBase64 } from '../../../src/base/encoding/base64.ts';
import { encodeHex } from '../../../src/base/encoding/hex.ts';
import { sha256 } from '../../../src/base/encoding/sha256.ts';
import { cosignedMessage, cosignatureOf } from '../../../src/trust/verify/cosignature.ts';
import { parseNote } from '../../../src/trust/verify/note.ts';
import {
  formatWitnessVkey,
  loadWitnesses,
  parseWitnessVkey,
} from '../../../src/trust/verify/witness-key.ts';

const text = 'log.example/1\n3\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n';
const time = 1_790_000_000;
const malformed = expect.objectContaining({ code: 'malformed' });
const failed = { code: 'verification-failed' };

interface Pair {
  readonly vkey: string;
  readonly line: (at?: bigint | number, over?: string, extra?: Uint8Array) => string;
}

/** A witness by its key alone. */
function pair(name = 'witness.example/w1'): Pair {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const raw = Buffer.from(publicKey.export({ format: 'jwk' }).x ?? '', 'base64url');
  const id = sha256(Buffer.from(`${name}\n`), Uint8Array.of(4), raw).subarray(0, 4);
  return {
    vkey: formatWitnessVkey({ name, publicKey: raw }),
    line: (at = time, over = text, extra = new Uint8Array()) => {
      const stamp = Buffer.alloc(8);
      stamp.writeBigUInt64BE(BigInt(at));
      const message = Buffer.from(`cosignature/v1\ntime ${at}\n${over}`);
      const bytes = Buffer.concat([id, stamp, sign(null, message, privateKey), extra]);
      return `— ${name} ${bytes.toString('base64')}\n`;
    },
  };
}

async function read(vkey: string, lines: string): Promise<unknown> {
  return cosignatureOf(parseNote(`${text}\n${lines}`), await parseWitnessVkey(vkey));
}

test('what is signed is the text of the specification', () => {
  const body =
    'example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n';
  expect(Buffer.from(cosignedMessage(body, 1_679_315_147)).toString()).toBe(
    `cosignature/v1\ntime 1679315147\n${body}`,
  );
});

test('a cosignature is read with its time', async () => {
  const { vkey, line } = pair();
  expect(await read(vkey, line())).toEqual({ witness: 'witness.example/w1', time });
});

test('lines of others are passed over, be they of one name or of one id', async () => {
  const { vkey } = pair();
  const other = pair();
  expect(await read(vkey, other.line())).toBeUndefined();
  const id = (await parseWitnessVkey(vkey)).keyId;
  const sameId = encodeBase64(Uint8Array.from([...id, ...new Uint8Array(72)]));
  expect(await read(vkey, `— witness.example/w2 ${sameId}\n`)).toBeUndefined();
  // A type nobody knows, under a name we know.
  const unknown = encodeBase64(Uint8Array.from([1, 2, 3, 4, ...new Uint8Array(2428)]));
  expect(await read(vkey, `— witness.example/w1 ${unknown}\n`)).toBeUndefined();
});

describe('does not hold, whatever is', () => {
  const { vkey, line } = pair();
  test.each([
    ['over another text', () => line(time, text.replace('3', '4'))],
    ['over a note without its time', () => line(0)],
    ['later than 2^53', () => line(2n ** 53n)],
    ['later than 2^63', () => line(2n ** 63n)],
    ['longer', () => line(time, text, Uint8Array.of(0))],
    [
      'without a time',
      () =>
        line().replace(/ \S+\n$/, (part) => {
          const bytes = Buffer.from(part.trim(), 'base64');
          return ` ${Buffer.concat([bytes.subarray(0, 4), bytes.subarray(12)]).toString('base64')}\n`;
        }),
    ],
    [
      'a second spelling of the scalar',
      () =>
        line().replace(/ \S+\n$/, (part) => {
          const bytes = Buffer.from(part.trim(), 'base64');
          bytes[75] = (bytes[75] ?? 0) | 0xe0;
          return ` ${bytes.toString('base64')}\n`;
        }),
    ],
  ])('%s', async (_, bad) => {
    await expect(read(vkey, bad())).rejects.toMatchObject(failed);
  });

  test('with any bit changed', async () => {
    const good = Buffer.from(line().trim().split(' ')[2] ?? '', 'base64');
    for (let bit = 32; bit < good.length * 8; bit += 7) {
      const bytes = Buffer.from(good);
      bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      const changed = `— witness.example/w1 ${bytes.toString('base64')}\n`;
      await expect(read(vkey, changed)).rejects.toMatchObject(failed);
    }
  });
});

describe('witnesses', () => {
  const [one, two] = [pair('w1'), pair('w2')];

  test('are read one per line; all of them are the quorum if none is said', async () => {
    const read = await loadWitnesses([`# ours\n${one.vkey}\n\n`, two.vkey]);
    expect(read.keys.map(({ name }) => name)).toEqual(['w1', 'w2']);
    expect(read.quorum).toBe(2);
    expect(await loadWitnesses([one.vkey, two.vkey], 1)).toMatchObject({ quorum: 1 });
  });

  test.each([0, -1, 3, 1.5, Number.NaN])('a quorum of %s of two is refused', async (quorum) => {
    await expect(loadWitnesses([one.vkey, two.vkey], quorum)).rejects.toEqual(malformed);
  });

  test('none at all, and one key under two names, are refused', async () => {
    await expect(loadWitnesses([''])).rejects.toEqual(malformed);
    const { publicKey } = await parseWitnessVkey(one.vkey);
    const again = formatWitnessVkey({ name: 'w3', publicKey });
    await expect(loadWitnesses([one.vkey, again], 1)).rejects.toEqual(malformed);
  });

  test('a vkey of another type, length or id is refused, and a weak key', async () => {
    const { publicKey } = await parseWitnessVkey(one.vkey);
    const of = (type: number, key: Uint8Array): string => {
      const id = sha256(Buffer.from('w\n'), Uint8Array.of(type), key).subarray(0, 4);
      return `w+${encodeHex(id)}+${encodeBase64(Uint8Array.from([type, ...key]))}`;
    };
    await expect(parseWitnessVkey(of(4, publicKey))).resolves.toMatchObject({ name: 'w' });
    await expect(parseWitnessVkey(of(1, publicKey))).rejects.toEqual(malformed);
    await expect(parseWitnessVkey(of(6, new Uint8Array(1312)))).rejects.toThrow('ML-DSA-44');
    await expect(parseWitnessVkey(of(4, publicKey.subarray(1)))).rejects.toEqual(malformed);
    await expect(parseWitnessVkey(one.vkey.replace('w1', 'w9'))).rejects.toEqual(malformed);
    await expect(parseWitnessVkey(of(4, new Uint8Array(32)))).rejects.toMatchObject({
      code: 'not-trusted',
    });
  });
});
