// A witness that lies, is broken, or is somebody else. Where enough others cosign it is noted and passed over;
// what it claims counts for nothing unless a note under both our keys shows it.

import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { encodeBase64 } from '../../../src/base/encoding/base64.ts';
import { formatNote, noteSignature, parseNote } from '../../../src/trust/verify/note.ts';
import { verifyReceipt } from '../../../src/trust/verify/receipt.ts';
import { type Conduct, openWitness, textOf, type TestWitness } from '../../support/test-witness.ts';
import { WitnessedLog } from '../../support/witnessed-log.ts';

type Lie = (home: WitnessedLog, liar: TestWitness) => Conduct;

/** Claims to have seen `size` leaves, and shows `note` for it. */
function ahead(size: number, note?: string): Conduct {
  return ({ path }) => {
    if (path === '/add-checkpoint') {
      return { status: 409, type: 'text/x.tlog.size', body: `${size}\n` };
    }
    return note === undefined ? { status: 404 } : { status: 200, body: note };
  };
}

const aheadText = (origin: string): string =>
  `${origin}\n900\n${encodeBase64(createHash('sha256').update('x').digest())}\n`;

/** Changes the one line of an honest answer. */
function changed(change: (line: string, liar: TestWitness, body: string) => string): Lie {
  return (_, liar) =>
    async ({ body }, honest) => {
      const reply = await honest();
      if (reply.status !== 200 || typeof reply.body !== 'string') return reply;
      return { ...reply, body: change(reply.body, liar, body) };
    };
}

const lies: readonly (readonly [string, string, Lie])[] = [
  ['claims more leaves and shows nothing', 'ahead', () => ahead(900)],
  ['claims more leaves than there are numbers', 'garbled', () => ahead(1e21)],
  [
    'shows a note of its own',
    'ahead',
    (home, liar) => {
      const text = aheadText(home.origin);
      return ahead(900, `${text}\n${liar.line(text)}`);
    },
  ],
  [
    'shows a note under the log key alone',
    'ahead',
    (home) => {
      const text = aheadText(home.origin);
      return async (request) => {
        const raw = home.keys.find(({ alg }) => alg === 'EdDSA')?.raw;
        if (raw === undefined) throw new Error('there is a log key');
        const signature = await home.stolen(Buffer.from(text));
        const note = formatNote({ text, signatures: [noteSignature(home.origin, raw, signature)] });
        return ahead(900, note)(request, () => Promise.resolve({ status: 500 }));
      };
    },
  ],
  [
    'shows an old note of ours as if it were ahead',
    'ahead',
    (_, liar) => async (request, honest) => {
      if (request.path !== '/add-checkpoint') return { status: 200, body: liar.seen.note };
      await honest();
      return { status: 409, type: 'text/x.tlog.size', body: '900\n' };
    },
  ],
  [
    'names another size each time',
    'garbled',
    () => {
      let size = 0;
      return () => {
        size = (size + 1) % 3;
        return { status: 409, type: 'text/x.tlog.size', body: `${size}\n` };
      };
    },
  ],
  ['says conflict without a size', 'garbled', () => () => ({ status: 409, body: '3\n' })],
  [
    'says a size with a leading zero',
    'garbled',
    () => () => ({
      status: 409,
      type: 'text/x.tlog.size',
      body: '03\n',
    }),
  ],
  ['refuses every proof', 'proof-refused', () => () => ({ status: 422 })],
  ['refuses our signature', 'signature-refused', () => () => ({ status: 403 })],
  ['does not know the log', 'unknown-log', () => () => ({ status: 404 })],
  ['fails', 'failing', () => () => ({ status: 503 })],
  ['is asked too often', 'failing', () => () => ({ status: 429 })],
  [
    'redirects',
    'garbled',
    (_, liar) => () => ({
      status: 307,
      headers: { location: `${liar.url}/elsewhere` },
    }),
  ],
  ['answers nothing', 'garbled', () => () => ({ status: 200 })],
  [
    'answers garbage',
    'garbled',
    () => () => ({ status: 200, body: Buffer.from([0xff, 0xfe, 10]) }),
  ],
  [
    'answers without end',
    'garbled',
    () => () => ({ status: 200, body: 'x'.repeat(16_384), endless: true }),
  ],
  ['repeats its line', 'garbled', changed((line) => line + line)],
  [
    'signs a longer text',
    'garbled',
    changed((_, liar, body) => {
      const more = 'and more\n';
      return `${more}\n${liar.line(`${textOf(body)}\n${more}`)}`;
    }),
  ],
  [
    'signs another note',
    'bad-cosignature',
    changed((_, liar, body) => liar.line(textOf(body).replace('warder', 'warden'))),
  ],
  [
    'signs with another key',
    'bad-cosignature',
    changed((line) => line.replace(/.{8}\n$/, 'AAAAAAA=\n')),
  ],
  ['signs under another name', 'bad-cosignature', changed((line) => line.replace('/w3', '/w4'))],
  ['states no time', 'bad-cosignature', changed((_, liar, body) => liar.line(textOf(body), 0))],
  [
    'states a time to come',
    'bad-time',
    changed((_, liar, body) => liar.line(textOf(body), Math.floor(Date.now() / 1000) + 3600)),
  ],
  ['hangs up', 'unreachable', () => () => Promise.reject(new Error('hangs up'))],
];

test.each(lies)('one that %s', async (_, kind, lie) => {
  const home = await WitnessedLog.create();
  const [one, two, liar] = [
    await openWitness('witness.example/w1', [home.vkey]),
    await openWitness('witness.example/w2', [home.vkey]),
    await openWitness('witness.example/w3', [home.vkey]),
  ];
  const witnesses = [one, two, liar];
  liar.conduct = lie(home, liar);
  const log = await home.open(witnesses, 2);
  for (let round = 0; round < 2; round += 1) {
    await log.grow(3);
    const { note, size } = await log.checkpointer.current();
    expect(size).toBe(log.log.size);
    const names = parseNote(note).signatures.map(({ name }) => name);
    expect(names.slice(2).sort()).toEqual(['witness.example/w1', 'witness.example/w2']);
  }
  await expect
    .poll(() => log.witnesses?.status().map(({ trouble }) => trouble?.kind))
    .toEqual([undefined, undefined, kind]);
  // What it is shown is the note and the proof, and nothing else.
  for (const body of liar.asked)
    expect(body).toMatch(/^old \d+\n(?:\S{44}\n)*\nwarder\.invalid\/log/);

  // Where it is needed, nothing is published, and it proves nothing against us.
  await log.close();
  const strict = await home.open(witnesses, 3);
  const before = strict.checkpointer.published?.size;
  await strict.grow(1);
  await expect(strict.checkpointer.current()).rejects.toMatchObject({ code: 'unavailable' });
  expect(strict.checkpointer.state().error?.code).toBe('unavailable');
  expect(strict.checkpointer.published?.size).toBe(before);
  // It comes to its senses: what waited is published.
  liar.conduct = (_request, honest) => honest();
  await expect.poll(() => strict.checkpointer.published?.size, { timeout: 5_000 }).toBe(7);
});

test('a slow one is not waited for, and asked for one head at a time', async () => {
  const home = await WitnessedLog.create();
  const quick = await openWitness('witness.example/w1', [home.vkey]);
  const slow = await openWitness('witness.example/w2', [home.vkey]);
  const { promise: never, resolve: wake } = Promise.withResolvers<void>();
  slow.conduct = async (_, honest) => {
    await never;
    return honest();
  };
  const log = await home.open([quick, slow], 1, 60_000);
  for (let round = 0; round < 20; round += 1) {
    await log.append();
    await log.checkpointer.current();
  }
  expect(slow.asked).toHaveLength(1);
  wake();
  await expect.poll(() => slow.seen.size).toBeGreaterThan(0);
});

test('one that never answers is given up', async () => {
  const home = await WitnessedLog.create();
  const silent = await openWitness('witness.example/w1', [home.vkey]);
  silent.conduct = () => new Promise(() => undefined);
  const log = await home.open([silent], 1, 200);
  const ref = await log.append();
  await expect(log.proof(ref.id)).rejects.toThrow('did not answer in time');
  expect(log.witnesses?.status()[0]?.trouble?.kind).toBe('slow');
});

test('its line counts for no other note', async () => {
  const home = await WitnessedLog.create();
  const witness = await openWitness('witness.example/w1', [home.vkey]);
  const log = await home.open([witness]);
  const ref = await log.append();
  const first = await log.proof(ref.id);
  await log.append();
  const { note } = await log.checkpointer.current();
  const [own, other] = [parseNote(note), parseNote(witness.seen.note)];
  expect(own.text).toBe(other.text);
  const stale = parseNote(first.slice(first.indexOf('\n\n') + 2)).signatures.at(-1);
  const forged = formatNote({
    text: own.text,
    signatures: [...own.signatures.slice(0, 2), ...(stale === undefined ? [] : [stale])],
  });
  const proof = first.slice(0, first.indexOf('\n\n') + 2) + forged;
  const witnesses = { keys: [witness.key], quorum: 1 };
  await expect(verifyReceipt(first, home.keys, { witnesses })).resolves.toMatchObject({
    cosignedBy: [{ witness: 'witness.example/w1' }],
  });
  await expect(verifyReceipt(proof, home.keys, { witnesses })).rejects.toMatchObject({
    code: 'verification-failed',
    data: { witness: 'witness.example/w1' },
  });
});
