// The memory of the log is in a signer process: another log begins by an act on its side first, then on the home's.
// Nobody asks for it over the wire, and nothing of the old log comes back.

import { cpSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readConfig } from '../../../src/front/config/config.ts';
import { readLogRow } from '../../../src/front/daemon/current-log.ts';
import { beginNewLog, type NewLogStep } from '../../../src/front/daemon/new-log.ts';
import { signerFindings } from '../../../src/front/daemon/signer-findings.ts';
import { addSignerKey } from '../../../src/front/signing/init-signer.ts';
import { beginNextLog, type NextLogStep } from '../../../src/front/signing/next-log.ts';
import type { RunningSigner } from '../../../src/front/signing/serve-signer.ts';
import { readSignerConfig, signerState } from '../../../src/front/signing/signer-config.ts';
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
 * @param rotated whether the key of the log was rotated since, too.
 */
async function rolledBack(rotated = true): Promise<Site> {
  const { root, socket } = await makeSigner();
  if (rotated) await addSignerKey(root, undefined, 'log');
  const signer = await runSigner(root);
  const at = await rotatingHome(`unix:${socket}`);
  const { home, open, close } = at;
  let opened = await open();
  await opened.receipts.checkpointer.current();
  await close();
  cpSync(home.root, `${home.root}.copy`, { recursive: true });
  opened = await open();
  if (rotated) await opened.operations['keys.rotate']({ log: true });
  await opened.issue();
  const [row] = opened.receipts.reader.list({ last: 1 });
  const proof = await opened.receipts.proof(row?.id ?? '');
  await opened.publish();
  const jwks = readFileSync(join(home.public, 'jwks.json'), 'utf8');
  const { size, origin } = await opened.receipts.checkpointer.current();
  await close();
  putBack(at, '.copy');
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

function putBack({ home: { root } }: RotatingHome, copy: string): void {
  rmSync(root, { recursive: true });
  cpSync(root + copy, root, { recursive: true });
}

async function nextLog(site: Site, die?: NextLogStep): Promise<void> {
  await site.signer.close();
  const { origin } = readSignerConfig(signerState(site.root));
  const done = beginNextLog(site.root, origin, dieAt(die));
  await (die === undefined ? done : expect(done).rejects.toThrow('killed'));
}

/** What the doctor says of the signer. */
async function said({ home }: Site): Promise<string> {
  return JSON.stringify(await signerFindings(home, readConfig(home.config)));
}

async function start(site: Site): Promise<void> {
  site.signer = await runSigner(site.root);
}

test('nothing of the old log is signed any more, and the home goes on with what its signer has', async () => {
  const site = await rolledBack();
  const { home, root, socket, origin, open, close } = site;
  const before = await HostileDaemon.at(callerOf(socket), () => Date.now());
  const [, oldLog] = (await readRemoteKeys(before.channel)).keys.map(({ jwk }) => jwk);
  await expect(open()).rejects.toMatchObject({ code: 'verification-failed' });
  expect(await said(site)).toContain('it has rotated the log key');
  // Not on the home's side alone.
  const there = expect.stringContaining(`--end ${origin}`) as string;
  await expect(begin(site)).rejects.toMatchObject({ code: 'unavailable', hint: there });
  await expect(beginNextLog(root, origin)).rejects.toMatchObject({ code: 'unavailable' });
  const config = readFileSync(join(root, 'signer.json'), 'utf8');
  await nextLog(site);
  // Its config of before, put back, is of no use.
  const now = readFileSync(join(root, 'signer.json'), 'utf8');
  writeFileSync(join(root, 'signer.json'), config);
  await expect(runSigner(root)).rejects.toMatchObject({ code: 'unavailable' });
  writeFileSync(join(root, 'signer.json'), now);
  await start(site);
  await attack(before, oldLog as PublicJwk);

  const here = expect.stringContaining('receipts new-log') as string;
  await expect(open()).rejects.toMatchObject({ code: 'unavailable', hint: here });
  expect(await said(site)).toContain('signs for another log');
  const begun = await begin(site);
  expect(begun).toMatchObject({ origin: `${origin}/2`, before: { origin, size: site.signed } });
  expect(begun.lost).toBeGreaterThan(0);
  expect(await said(site)).not.toContain('problem');
  const opened = await open();
  expect(readConfig(home.config)).toMatchObject({ logKey: { kid: before.log.kid } });
  const { formerKeys } = opened.store.read(readLogRow) ?? {};
  expect(formerKeys).toEqual([oldLog?.kid]);
  expect(await opened.receipts.audit()).toMatchObject({ follows: { ...begun.before } });
  await opened.take(await opened.issue());
  expect((await opened.lists.latest('default')).seq).toBe(1);
  await verifyReceipt(site.proof, await loadKeys([site.jwks]));
  await opened.publish();
  await expect(verifyReceipt(site.proof, await opened.published())).rejects.toMatchObject(refused);
  await close();
  await expect(begin(site)).rejects.toMatchObject({ code: 'conflict' });

  // From the same copy once more: its signer has signed for the second log by now.
  cpSync(home.root, `${home.root}.second`, { recursive: true });
  putBack(site, '.copy');
  await expect(begin(site)).rejects.toMatchObject({ code: 'unavailable', hint: there });
  putBack(site, '.second');
  // All leaves are there, but its signer has ended that log.
  await nextLog(site);
  await start(site);
  expect(await begin(site)).toMatchObject({ before: { origin: begun.origin }, lost: 0 });
  expect((await (await open()).receipts.audit()).origin).toBe(`${origin}/3`);
}, 90_000);

/** What whoever has the daemon gets of the old log, and of keys that were rotated under it. */
async function attack(before: HostileDaemon, oldLog: PublicJwk): Promise<void> {
  const daemon = await HostileDaemon.at(callerOf(before.channel.name), () => Date.now());
  expect(daemon.origin).toBe(`${before.origin}/2`);
  const own = new MadeLog().calls(3);
  for (const { kid } of [daemon.signing, daemon.log]) {
    await expect(before.head(own, kid)).rejects.toMatchObject(refused);
  }
  const lease = before.prepare({}, daemon.signing);
  await expect(before.lease(lease, own)).rejects.toMatchObject(refused);
  const iat = Math.floor(Date.now() / 1000);
  const { kid: old } = daemon.log;
  const claims = { iss: daemon.origin, seq: 1, iat, old, new: oldLog, size: 0, until: iat };
  const back = { ...claims, role: 'log' } as const;
  await expect(daemon.rotation(back, [daemon.log])).rejects.toMatchObject(refused);
  await expect(daemon.head(own, oldLog.kid)).rejects.toMatchObject(refused);
  expect(await daemon.last()).toMatchObject({ size: 0 });
}

test('killed at whatever step on either side, one of the two logs stands, and the other is gone on to', async () => {
  const site = await rolledBack(false);
  const { open, close, root, origin } = site;
  await site.signer.close();
  const kept = `${root}.kept`;
  cpSync(root, kept, { recursive: true });
  for (const [there, here] of [
    ['remembered', 'prepared'],
    ['begun', 'begun'],
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
    putBack(site, '.copy');
    rmSync(root, { recursive: true });
    cpSync(kept, root, { recursive: true });
  }
}, 120_000);
