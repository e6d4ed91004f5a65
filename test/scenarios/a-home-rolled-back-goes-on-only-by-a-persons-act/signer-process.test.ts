// The memory of the log is in a signer process: another log begins by an act on its side first, then on the home's.
// Nobody asks for it over the wire, and nothing of the old log comes back.

import { cpSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readConfig } from '../../../src/front/config/config.ts';
import { beginNewLog, type NewLogStep } from '../../../src/front/daemon/new-log.ts';
import { signerFindings } from '../../../src/front/daemon/signer-findings.ts';
import { addSignerKey } from '../../../src/front/signing/init-signer.ts';
import { beginNextLog, type NextLogStep } from '../../../src/front/signing/next-log.ts';
import type { RunningSigner } from '../../../src/front/signing/serve-signer.ts';
import { readRemoteKeys } from '../../../src/trust/signer/remote/remote-key.ts';
import type { PublicJwk } from '../../../src/trust/signer/signer.ts';
import { loadKeys } from '../../../src/trust/verify/keys.ts';
import { verifyReceipt } from '../../../src/trust/verify/receipt.ts';
import { HostileDaemon, MadeLog } from '../../support/made-log.ts';
import { type RotatingHome, rotatingHome } from '../../support/rotating-home.ts';
import { callerOf, makeSigner, runSigner } from '../../support/signer-process.ts';

const refused = { code: 'not-trusted' };

interface Site extends RotatingHome {
  readonly root: string;
  readonly socket: string;
  signer: RunningSigner;
  readonly origin: string;
  /** Leaves that were signed, and are lost. */
  readonly signed: number;
  readonly proof: string;
  readonly jwks: string;
}

/**
 * A home with its signer, put back to a copy that was made before leaves were signed.
 *
 * @param rotated whether both keys were rotated since, too.
 */
async function rolledBack(rotated = true): Promise<Site> {
  const { root, socket } = await makeSigner();
  if (rotated) {
    await addSignerKey(root, undefined);
    await addSignerKey(root, undefined, 'log');
  }
  const signer = await runSigner(root);
  const at = await rotatingHome(`unix:${socket}`);
  const { home, open, close } = at;
  let opened = await open();
  await opened.receipts.checkpointer.current();
  await close();
  cpSync(home.root, `${home.root}.copy`, { recursive: true });
  opened = await open();
  for (const log of rotated ? [false, true] : []) await opened.operations['keys.rotate']({ log });
  await opened.issue();
  const [row] = opened.receipts.reader.list({ last: 1 });
  const proof = await opened.receipts.proof(row?.id ?? '');
  await opened.publish();
  const jwks = readFileSync(join(home.public, 'jwks.json'), 'utf8');
  const { size, origin } = await opened.receipts.checkpointer.current();
  await close();
  rmSync(home.root, { recursive: true });
  cpSync(`${home.root}.copy`, home.root, { recursive: true });
  return { ...at, root, socket, signer, origin, signed: size, proof, jwks };
}

const begin = ({ home }: RotatingHome, die?: NewLogStep): ReturnType<typeof beginNewLog> =>
  beginNewLog(home, { reason: 'the copy of Monday', now: Date.now() }, dieAt(die));

/** Ends what is done as a crash does: nothing comes after it. */
function dieAt<Step>(step: Step | undefined): (reached: Step) => void {
  return (reached) => {
    if (reached === step) throw new Error('killed');
  };
}

async function nextLog(site: Site, die?: NextLogStep): Promise<void> {
  await site.signer.close();
  const done = beginNextLog(site.root, dieAt(die));
  await (die === undefined ? done : expect(done).rejects.toThrow('killed'));
}

/** What the doctor says of the signer. */
async function said({ home }: Site): Promise<string> {
  return JSON.stringify(await signerFindings(home, readConfig(home.config)));
}

async function start(site: Site): Promise<void> {
  site.signer = await runSigner(site.root);
}

test('nothing of the old log is signed, and no key that was rotated comes back', async () => {
  const site = await rolledBack();
  const { root, socket, origin, open } = site;
  const before = await HostileDaemon.at(callerOf(socket), () => Date.now());
  const { keys: all } = await readRemoteKeys(before.channel);
  const [oldSigning, , oldLog] = all.map(({ jwk }) => jwk) as [PublicJwk, PublicJwk, PublicJwk];
  await expect(open()).rejects.toMatchObject({ code: 'verification-failed' });
  expect(await said(site)).toContain('it has rotated the log key');
  // Not on the home's side alone.
  const hint = expect.stringContaining('signer new-log') as string;
  await expect(begin(site)).rejects.toMatchObject({ code: 'unavailable', hint });
  await expect(beginNextLog(root)).rejects.toMatchObject({ code: 'unavailable' });
  const config = readFileSync(join(root, 'signer.json'), 'utf8');
  await nextLog(site);
  // Its config of before, put back, is of no use.
  const now = readFileSync(join(root, 'signer.json'), 'utf8');
  writeFileSync(join(root, 'signer.json'), config);
  await expect(runSigner(root)).rejects.toMatchObject({ code: 'unavailable' });
  writeFileSync(join(root, 'signer.json'), now);
  await start(site);

  const daemon = await HostileDaemon.at(callerOf(socket), () => Date.now());
  expect(daemon.origin).toBe(`${origin}/2`);
  const own = new MadeLog().calls(3);
  for (const { kid } of [daemon.signing, daemon.log]) {
    await expect(before.head(own, kid)).rejects.toMatchObject(refused);
  }
  await expect(before.lease(before.prepare({}, daemon.signing), own)).rejects.toMatchObject(
    refused,
  );
  const iat = Math.floor(Date.now() / 1000);
  const claims = { iss: daemon.origin, seq: 1, iat, size: 0, until: iat };
  const { kid: old } = daemon.signing;
  const back = { ...claims, old, new: oldSigning };
  await expect(daemon.rotation(back, [daemon.signing])).rejects.toMatchObject(refused);
  const logBack = { ...claims, old: daemon.log.kid, new: oldLog, role: 'log' } as const;
  await expect(daemon.rotation(logBack, [daemon.log])).rejects.toMatchObject(refused);
  for (const { kid } of [oldSigning, oldLog]) {
    await expect(daemon.head(own, kid)).rejects.toMatchObject(refused);
  }
  expect(await daemon.last()).toMatchObject({ size: 0 });
}, 60_000);

test('the home goes on with the log and the keys that its signer has', async () => {
  const site = await rolledBack();
  const { home, open, close, origin, signed, proof, jwks } = site;
  await nextLog(site);
  await start(site);
  const hint = expect.stringContaining('receipts new-log') as string;
  await expect(open()).rejects.toMatchObject({ code: 'unavailable', hint });
  expect(await said(site)).toContain('signs for another log');
  const begun = await begin(site);
  expect(await said(site)).not.toContain('problem');
  expect(begun).toMatchObject({ origin: `${origin}/2`, before: { origin, size: signed } });
  expect(begun.lost).toBeGreaterThan(0);
  let opened = await open();
  const { keys } = await readRemoteKeys(callerOf(site.socket));
  const { signing, log } = Object.fromEntries(keys.map(({ use, jwk }) => [use, jwk.kid]));
  expect(readConfig(home.config)).toMatchObject({ key: { kid: signing }, logKey: { kid: log } });
  expect(await opened.receipts.audit()).toMatchObject({ follows: { ...begun.before } });
  await opened.take(await opened.issue());
  expect((await opened.lists.latest('default')).seq).toBe(1);
  await verifyReceipt(proof, await loadKeys([jwks]));
  await opened.publish();
  await expect(verifyReceipt(proof, await opened.published())).rejects.toMatchObject(refused);
  // The keys that the copy knew are as little the home's as the signer's.
  await expect(opened.operations['keys.rotate']({})).rejects.toMatchObject({ code: 'usage' });
  await close();
  await expect(begin(site)).rejects.toMatchObject({ code: 'conflict' });
  opened = await open();
  await opened.receipts.audit();

  // Once more, from the same copy: the second log is ended as the first was.
  await close();
  rmSync(home.root, { recursive: true });
  cpSync(`${home.root}.copy`, home.root, { recursive: true });
  await expect(begin(site)).rejects.toMatchObject({ code: 'unavailable' });
  await nextLog(site);
  await start(site);
  expect(await begin(site)).toMatchObject({ origin: `${origin}/3`, before: { origin } });
  await (await open()).receipts.audit();
}, 90_000);

test('killed at whatever step on either side, one of the two logs stands, and the other is gone on to', async () => {
  const site = await rolledBack(false);
  const { home, open, close, root, origin } = site;
  await site.signer.close();
  const kept = `${root}.kept`;
  cpSync(root, kept, { recursive: true });
  for (const [there, here] of [
    ['remembered', 'remembered'],
    ['begun', 'prepared'],
    ['ended', 'begun'],
  ] as const) {
    await nextLog(site, there);
    await start(site);
    const stands = there !== 'remembered';
    expect(site.signer.origin === origin, there).toBe(!stands);
    // Whatever was left to do when it was killed is done by now.
    expect(existsSync(join(root, 'memory.json')), there).toBe(!stands);
    await expect(open(), there).rejects.toThrow();
    if (!stands) {
      await nextLog(site);
      await start(site);
    }
    await expect(begin(site, here), here).rejects.toThrow('killed');
    if (here !== 'begun') {
      await expect(open(), here).rejects.toThrow();
      await begin(site);
    }
    const opened = await open();
    expect(opened.config.log.origin, here).toBe(site.signer.origin);
    const follows = { origin, size: site.signed };
    expect(await opened.receipts.audit(), here).toMatchObject({ follows });
    await opened.take(await opened.issue());
    await close();
    await site.signer.close();
    for (const [path, copy] of [
      [home.root, `${home.root}.copy`],
      [root, kept],
    ] as const) {
      rmSync(path, { recursive: true });
      cpSync(copy, path, { recursive: true });
    }
  }
}, 120_000);

test('all leaves are there, and the signer has ended the log: the home follows', async () => {
  const { root, socket } = await makeSigner();
  const signer = await runSigner(root);
  const at = await rotatingHome(`unix:${socket}`);
  const opened = await at.open();
  const { size, origin } = await opened.receipts.checkpointer.current();
  await at.close();
  await signer.close();
  // What it remembered is lost, and what it knows of its keys is not.
  rmSync(join(root, 'memory.json'));
  expect(await beginNextLog(root)).not.toHaveProperty('before');
  await runSigner(root);
  expect(await begin(at)).toMatchObject({ before: { origin, size }, lost: 0, forked: false });
  await (await at.open()).receipts.audit();
}, 60_000);
