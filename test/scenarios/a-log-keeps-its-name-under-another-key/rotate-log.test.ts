// The key of the log is rotated: the log goes on under its name, proofs of all times verify, verifiers with the
// keys of before follow; of a key that somebody else has, only heads count that a witness saw before.

import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { encodeUtf8 } from '../../../src/base/encoding/utf8.ts';
import { parseJson } from '../../../src/base/encoding/parse-json.ts';
import { readConfig } from '../../../src/front/config/config.ts';
import { checkpointEvidence } from '../../../src/trust/receipt/checkpoint-admitter.ts';
import { formatHead, verifyCheckpoint } from '../../../src/trust/verify/checkpoint.ts';
import { loadKeys } from '../../../src/trust/verify/keys.ts';
import { followRotations } from '../../../src/trust/verify/rotation.ts';
import { verifyReceipt } from '../../../src/trust/verify/receipt.ts';
import { endOf } from '../../support/dying-child.ts';
import { rotatingHome } from '../../support/rotating-home.ts';

test('proofs of all times verify, and verifiers with the keys of before follow', async () => {
  const { home, open } = await rotatingHome();
  let opened = await open();
  await opened.publish();
  const { origin } = opened.keys;
  const first = opened.jwks();
  const proofs = [await opened.proof()];
  // Both keys in turn: each rotation is signed by the keys of its time.
  for (const log of [true, false]) {
    const { old } = await opened.operations['keys.rotate']({ log });
    await opened.take(await opened.issue());
    proofs.push(await opened.proof());
    await opened.receipts.audit();
    const today = await opened.published();
    for (const proof of proofs) await verifyReceipt(proof, today);
    // Never unpublished, for the heads it signed alone.
    expect(today.find(({ kid }) => kid === old)).toMatchObject({ retired: {} });
    const followed = await followRotations(parseJson(opened.jwks()), await loadKeys([first]));
    for (const proof of proofs) await verifyReceipt(proof, followed);
    expect(followed.map(({ kid }) => kid).toSorted()).toEqual(
      today.map(({ kid }) => kid).toSorted(),
    );
  }
  expect(opened.keys.origin).toBe(origin);
  await expect(verifyReceipt(proofs.at(-1) ?? '', await loadKeys([first]))).rejects.toMatchObject({
    code: 'not-trusted',
  });
  const keys = await opened.operations['keys.list']({});
  expect(keys.keys.map(({ name }) => name)).toEqual(['signing', 'former', 'log', 'former']);
  opened = await open();
  expect(opened.keys.log.key.kid).toBe(readConfig(home.config).logKey.kid);
  await opened.receipts.audit();
}, 60_000);

test('a key of the log comes back in no way, and is EdDSA', async () => {
  const { open } = await rotatingHome();
  const opened = await open();
  const { uri } = readConfig(opened.home.config).logKey;
  await opened.operations['keys.rotate']({ log: true });
  for (const request of [
    { log: true, key: uri },
    { log: true, key: 'file:keys/other.key?alg=ES256&passphrase-source=keys/other.passphrase' },
    { log: true, graceSeconds: 10 },
  ]) {
    await expect(opened.operations['keys.rotate'](request)).rejects.toMatchObject({
      code: 'usage',
    });
  }
  await opened.receipts.audit();
}, 60_000);

test('a rotation nobody signed, or of a key of the other role, is not followed', async () => {
  const { open } = await rotatingHome();
  const opened = await open();
  await opened.publish();
  const first = await loadKeys([opened.jwks()]);
  await opened.operations['keys.rotate']({ log: true });
  const { warder_rotations: rotations = [] } = await opened.operations['keys.jwks']({});
  const [whole] = rotations;
  for (const missing of [0, 1, 2]) {
    const signatures = whole?.signatures.filter((_, at) => at !== missing) ?? [];
    const jwks = { warder_rotations: [{ payload: whole?.payload ?? '', signatures }] };
    await expect(followRotations(jwks, first), `${missing}`).rejects.toMatchObject({
      code: 'not-trusted',
    });
  }
  // To a verifier who takes the signing key for one of the log, and the other way round, it says nothing.
  const swapped = first.map((key) => ({
    ...key,
    roles: key.roles.includes('lease')
      ? key.roles.filter((role) => role !== 'lease')
      : [...key.roles, 'lease' as const],
  }));
  await expect(
    followRotations({ warder_rotations: rotations } as never, swapped),
  ).rejects.toMatchObject({ code: 'not-trusted' });
}, 60_000);

test('of a compromised key only heads count that a witness cosigned before', async () => {
  const { open } = await rotatingHome();
  let opened = await open();
  await opened.publish();
  const before = await loadKeys([opened.jwks()]);
  const proof = await opened.proof();
  const [row] = opened.receipts.reader.list({ last: 1 });
  await opened.operations['keys.rotate']({ log: true, compromised: true });
  const today = await opened.published();
  // Nobody follows by themselves.
  await expect(followRotations(parseJson(opened.jwks()), before)).rejects.toMatchObject({
    code: 'not-trusted',
  });
  await expect(verifyReceipt(proof, today)).rejects.toMatchObject({ code: 'not-trusted' });
  // The receipt is as good as before under a head of now.
  await verifyReceipt(await opened.receipts.proof(row?.id ?? ''), today);
  opened = await open();
  await opened.receipts.audit();
  // The time of a witness decides; its line is checked elsewhere.
  const limit = today.find(({ heads }) => heads?.cosignedBefore !== undefined)?.heads;
  expect(limit).toMatchObject({ from: 0 });
}, 60_000);

test('the old key signs no head from then on, and no other may sign for the log', async () => {
  const { open } = await rotatingHome();
  const opened = await open();
  const old = opened.keys.log;
  await opened.receipts.checkpointer.current();
  await opened.operations['keys.rotate']({ log: true });
  const head = opened.receipts.log.head();
  const { size } = await opened.receipts.checkpointer.current();
  expect(size).toBe(head.size);
  const payload = encodeUtf8(formatHead({ ...head, size: size + 1, root: randomBytes(32) }));
  const evidence = checkpointEvidence(size, []);
  await expect(old.sign({ kind: 'checkpoint', payload, evidence })).rejects.toThrow();
  const { note } = await opened.receipts.checkpointer.current();
  await expect(
    verifyCheckpoint(
      note,
      opened.keys.trusted.filter(({ kid }) => kid === old.key.kid),
    ),
  ).rejects.toMatchObject({ code: 'not-trusted' });
}, 60_000);

test('killed at whatever step there is one key of the log', async () => {
  const { home, open, close } = await rotatingHome();
  let opened = await open();
  const proofs: string[] = [];
  let rotations = 0;
  for (const step of ['signed', 'recorded']) {
    const before = opened.keys.log.key.kid;
    proofs.push(await opened.proof());
    await close();
    expect(await endOf('keys/rotate-and-die.ts', home.root, step, 'log'), step).toBe('SIGKILL');
    opened = await open();
    if (step !== 'signed') rotations += 1;
    const { kid } = opened.keys.log.key;
    expect(kid === before, step).toBe(step === 'signed');
    expect(opened.keys.logHistory, step).toHaveLength(rotations + 1);
    expect(readConfig(home.config).logKey.kid, step).toBe(kid);
    await opened.publish();
    const published = await opened.published();
    await opened.receipts.audit();
    for (const proof of proofs) await verifyReceipt(proof, published);
  }
}, 120_000);
