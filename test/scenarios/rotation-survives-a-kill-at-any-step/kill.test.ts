// Killed at whatever step, a home has one signing key and a whole history; no lease and no proof is lost.

import { readFileSync, writeFileSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { expect, test } from 'vitest';
import { readConfig } from '../../../src/front/config/config.ts';
import { verifyReceipt } from '../../../src/trust/verify/receipt.ts';
import { endOf } from '../../support/dying-child.ts';
import { rotatingHome } from '../../support/rotating-home.ts';

test('before it is recorded nothing has changed; from then on the new key signs', async () => {
  const { home, open, close } = await rotatingHome();
  let opened = await open();
  const proofs: string[] = [];
  const leases: string[] = [];
  let rotations = 0;
  for (const step of ['made', 'signed', 'recorded', 'pinned', 'published'] as const) {
    const before = opened.keys.signing.key.kid;
    proofs.push(await opened.proof());
    leases.push(await opened.issue());
    await close();
    expect(await endOf('keys/rotate-and-die.ts', home.root, step), step).toBe('SIGKILL');

    opened = await open();
    const stands = step !== 'made' && step !== 'signed';
    if (stands) rotations += 1;
    const { kid } = opened.keys.signing.key;
    expect(kid === before, step).toBe(!stands);
    // Store, config and what is published say the same.
    expect(opened.keys.history.map(({ jwk }) => jwk.kid).indexOf(kid), step).toBe(rotations);
    expect(opened.keys.history, step).toHaveLength(rotations + 1);
    expect(readConfig(home.config).key.kid, step).toBe(kid);
    await opened.publish();
    const published = await opened.published();
    expect(published.find((key) => key.roles.includes('revocations'))?.kid, step).toBe(kid);
    const events = opened.receipts.reader.list({ type: 'key', last: 100 });
    expect(events, step).toHaveLength(rotations + 1);
    // What there was counts as it did; what is made now is by the key of now.
    await opened.receipts.audit();
    for (const proof of proofs) await verifyReceipt(proof, published);
    for (const lease of leases) await opened.take(lease);
    await opened.take(await opened.issue());
    expect((await opened.lists.latest('default')).kid, step).toBe(kid);
  }
}, 180_000);

test('of a compromised key no lease comes back, wherever the rotation was killed', async () => {
  const { home, open, close } = await rotatingHome();
  let opened = await open();
  const old = opened.keys.signing.key.kid;
  const lease = await opened.issue();
  const held = await opened.take(lease);
  const proof = await opened.proof();
  await close();
  await endOf('keys/rotate-and-die.ts', home.root, 'recorded', 'compromised');
  // A draft of the config that was cut short is no config.
  writeFileSync(`${home.config}.new`, '{ "version": 1, "key": { "uri": "file:ke');

  opened = await open();
  expect(readConfig(home.config).key.kid).toBe(opened.keys.signing.key.kid);
  expect(opened.keys.signing.key.kid).not.toBe(old);
  await expect(opened.take(lease)).rejects.toMatchObject({ code: 'not-trusted' });
  expect(opened.gate.leases.isLive(held, opened.gate.now())).toBe(false);
  await opened.publish();
  await verifyReceipt(proof, await opened.published());
}, 60_000);

test('a config that was put back does not bring the old key back; an unknown key signs nothing', async () => {
  const { home, open, close } = await rotatingHome();
  let opened = await open();
  const text = JSON.stringify(readConfig(home.config).key);
  const old = opened.keys.signing.key.kid;
  await opened.operations['keys.rotate']({});
  const { kid } = opened.keys.signing.key;
  await close();
  const pinned = readFileSync(home.config, 'utf8');
  const key = /"key": \{[^}]*\}/;
  writeFileSync(home.config, pinned.replace(key, `"key": ${text}`));
  opened = await open();
  expect(opened.keys.signing.key.kid).toBe(kid);
  expect(readConfig(home.config).key.kid).toBe(kid);
  await close();
  const stranger = { uri: 'file:keys/signing.key', kid: 'A'.repeat(43) };
  writeFileSync(home.config, pinned.replace(key, `"key": ${JSON.stringify(stranger)}`));
  await expect(open()).rejects.toMatchObject({ code: 'unavailable' });
  expect(old).not.toBe(kid);
}, 60_000);

test('a history that was changed, or is gone, signs nothing', async () => {
  const { home, open, close } = await rotatingHome();
  const opened = await open();
  await opened.operations['keys.rotate']({ graceSeconds: 60 });
  await close();
  const change = (sql: string): void => {
    const db = new DatabaseSync(home.state);
    db.exec(sql);
    db.close();
  };
  const table = '"t_signing-key"';
  const set = (path: string, value: string): string =>
    `UPDATE ${table} SET value = json_set(value, '${path}', ${value}) WHERE key = '000001'`;
  change(`CREATE TABLE kept AS SELECT * FROM ${table}`);
  for (const damage of [
    set('$.retired.until', '9999999999'),
    set('$.retired.at', '9999999999'),
    set('$.heads.to', '0'),
    `UPDATE ${table} SET value = json_set(value, '$.heads.from', 1) WHERE key = '000002'`,
    `UPDATE ${table} SET value = json_remove(value, '$.rotation') WHERE key = '000002'`,
    `UPDATE ${table} SET value = json_set(value, '$.rotation.payload', 'e30') WHERE key = '000002'`,
    `UPDATE ${table} SET value = json_remove(value, '$.retired') WHERE key = '000001'`,
    `UPDATE ${table} SET value = '{' WHERE key = '000002'`,
    `UPDATE ${table} SET value = 'null'`,
    `DELETE FROM ${table} WHERE key = '000002'`,
    `DELETE FROM ${table} WHERE key = '000001'`,
    `DELETE FROM ${table}`,
  ]) {
    change(damage);
    await expect(open(), damage).rejects.toMatchObject({ code: 'unavailable' });
    change(`DELETE FROM ${table}; INSERT INTO ${table} SELECT * FROM kept`);
  }
  await (await open()).issue();
}, 120_000);
