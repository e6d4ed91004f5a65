// A lease in its holder's hands.

import { spawnSync } from 'node:child_process';
import { closeSync, fstatSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { WarderError } from '../../../src/base/errors/errors.ts';
import { HeldLease } from '../../../src/trust/holder/held-lease.ts';
import {
  generateHolderKey,
  type HolderKey,
  importHolderKey,
} from '../../../src/trust/holder/holder-key.ts';
import {
  DESCRIPTOR_VARIABLE,
  formatInheritance,
  inheritedLease,
} from '../../../src/trust/holder/inherited-lease.ts';
import { prepareRenewal, signLease } from '../../../src/trust/lease/issue-lease.ts';
import { verifyProof } from '../../../src/trust/lease/proof.ts';
import { issueRoot, now, rootTerms, verifyIn } from './chains.ts';
import { openOffice, origin, type TestOffice } from './office.ts';

let office: TestOffice;
let key: HolderKey;
beforeAll(async () => {
  office = await openOffice();
  key = await generateHolderKey();
});
const cnf = () => ({ cnf: { jwk: key.jwk } });
const held = async (more = {}, at = now): Promise<HeldLease> =>
  new HeldLease(await issueRoot(office, { ...cnf(), ...more }), key, () => at);

describe('a key', () => {
  it.each(['ES256', 'EdDSA'] as const)('for %s survives being written down', async (alg) => {
    const made = await generateHolderKey(alg);
    const read = await importHolderKey(JSON.parse(JSON.stringify(made.exportPrivate())));
    expect(read.jkt).toBe(made.jkt);
    expect(JSON.stringify(made)).not.toContain(made.exportPrivate().d);
  });

  it('is refused when it is none, or its parts are of two', async () => {
    const [one, other] = [key.exportPrivate(), (await generateHolderKey()).exportPrivate()];
    const { d: _, ...open } = one;
    for (const json of [
      null,
      7,
      {},
      open,
      { ...one, d: other.d },
      { ...one, x: other.x },
      { ...one, d: '' },
    ]) {
      await expect(importHolderKey(json)).rejects.toMatchObject({ code: 'malformed' });
    }
  });
});

describe('a held lease', () => {
  it('is checked without asking anybody, through all of its chain', async () => {
    const lease = await held();
    expect(lease.check({ type: 'fs.read', path: '/data/x' })).toBe(true);
    expect(lease.check({ type: 'fs.read', path: '/data/../x' })).toBe(false);
    expect(lease.check({ type: 'fs.write', path: '/data/x' })).toBe(false);
    expect(lease.check({ type: 'spend', currency: 'EUR', amount: 1001 })).toBe(false);
    expect(lease.check({ type: 'spend', currency: 'EUR', amount: Number.NaN })).toBe(false);
    const expired = new HeldLease(lease.text, key, () => now + 3_600_000);
    expect(expired.status().state).toBe('expired');
    expect(expired.check({ type: 'fs.read', path: '/data/x' })).toBe(false);
  });

  it('proves possession for one call', async () => {
    const lease = await held();
    const request = {
      method: 'POST',
      uri: 'http://localhost/v1/call',
      audience: origin,
      nonce: 'n',
    };
    const expected = { ...request, token: lease.text, now, nonce: () => true };
    await expect(verifyProof(await lease.prove(request), expected)).resolves.toMatchObject({
      jkt: key.jkt,
    });
    const keyless = new HeldLease(lease.text, undefined, () => now);
    await expect(keyless.prove(request)).rejects.toMatchObject({ code: 'lease-refused' });
  });

  it('is narrowed for somebody else, and never widened', async () => {
    const lease = await held({
      maxUses: 5,
      rate: { uses: 9, seconds: 1 },
      maxExp: now / 1000 + 7200,
    });
    const other = await generateHolderKey('EdDSA');
    const text = await lease.narrow({
      holder: other.jwk,
      capabilities: [{ type: 'fs.read', paths: ['/data/x'] }],
      ttlSeconds: 60,
      maxUses: 1,
      levels: 1,
    });
    expect((await verifyIn(office, text)).claims).toMatchObject({
      exp: now / 1000 + 60,
      max_uses: 1,
      del_depth: 1,
      del_max: 2,
    });
    const theirs = new HeldLease(text, other, () => now);
    const leaf = await theirs.narrow({ holder: { jkt: key.jkt } });
    expect((await verifyIn(office, leaf)).claims.del_max).toBe(2);
    for (const wider of [
      { capabilities: rootTerms.capabilities },
      { maxUses: 2 },
      { rate: { uses: 10, seconds: 1 } },
    ]) {
      await expect(theirs.narrow({ holder: key.jwk, ...wider })).rejects.toMatchObject({
        code: 'lease-refused',
      });
    }
    await expect(
      new HeldLease(text, key, () => now).narrow({ holder: key.jwk }),
    ).rejects.toMatchObject({ code: 'lease-refused' });
    await expect(
      new HeldLease(leaf, key, () => now).narrow({ holder: other.jwk }),
    ).rejects.toMatchObject({ code: 'lease-refused' });
  });
});

describe('an inherited lease', () => {
  const folder = mkdtempSync(join(tmpdir(), 'warder-inherit-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('comes over a descriptor; the environment names it and holds no secret', async () => {
    const lease = await issueRoot(office, cnf());
    const file = join(folder, 'lease');
    writeFileSync(file, formatInheritance({ lease, key }), { mode: 0o600 });
    const descriptor = openSync(file, 'r');
    const environment = { [DESCRIPTOR_VARIABLE]: String(descriptor) };
    const inherited = await inheritedLease(environment);
    expect(inherited.lease).toBe(lease);
    expect(inherited.key.jkt).toBe(key.jkt);
    // Read once: the descriptor is closed.
    expect(() => fstatSync(descriptor)).toThrow('EBADF');
  });

  it('reaches a child process, whose environment has the number alone', async () => {
    const lease = await issueRoot(office, cnf());
    const file = join(folder, 'for-child');
    writeFileSync(file, formatInheritance({ lease, key }), { mode: 0o600 });
    const descriptor = openSync(file, 'r');
    const entry = new URL('../../../src/lease.ts', import.meta.url).href;
    const script = `const { inheritedLease, HeldLease } = await import(${JSON.stringify(entry)});
      const { lease, key } = await inheritedLease(process.env);
      const mine = new HeldLease(lease, key, () => ${String(now)});
      console.log(mine.check({ type: 'fs.read', path: '/data/x' }), key.jkt);`;
    const ran = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
      env: { [DESCRIPTOR_VARIABLE]: '3' },
      stdio: ['ignore', 'pipe', 'pipe', descriptor],
      encoding: 'utf8',
      timeout: 30_000,
    });
    closeSync(descriptor);
    expect(`${ran.stdout}${ran.stderr}`).toBe(`true ${key.jkt}\n`);
  });

  it.each([{}, { x: '3' }])('is not there without the variable: %j', async (environment) => {
    await expect(inheritedLease(environment)).rejects.toMatchObject({ code: 'not-found' });
  });
  it.each(['', '0', '1', '2', '-1', '3x', '99999', '/etc/passwd', '9999'])(
    'is refused from %j',
    async (value) => {
      await expect(inheritedLease({ [DESCRIPTOR_VARIABLE]: value })).rejects.toMatchObject({
        code: 'malformed',
      });
    },
  );
});

describe('a refresh', () => {
  const terms = {
    capabilities: [...rootTerms.capabilities, { type: 'lease.refresh' }],
    maxExp: now / 1000 + 5400,
    maxUses: 2,
  } as const;
  /** What the daemon does. */
  async function renew(text: string, at: number): Promise<string> {
    const verified = await verifyIn(office, text, at);
    const proof = await new HeldLease(text, key, () => at).prove({
      method: 'POST',
      uri: 'http://localhost/v1/refresh',
      audience: origin,
      nonce: 'n',
    });
    const expected = {
      method: 'POST',
      uri: 'http://localhost/v1/refresh',
      audience: origin,
      nonce: () => true,
      token: text,
      now: at,
    };
    const lease = office.book.check(verified, { proof: await verifyProof(proof, expected) }, at);
    const prepared = prepareRenewal(lease, office.signer.key, at);
    await office.store.commit((tx) => office.book.renew(tx, lease, prepared, at));
    return signLease(prepared, office.signer);
  }

  it('moves the end as far as the hard one, and forgets no use', async () => {
    const text = await issueRoot(office, { ...cnf(), ...terms });
    const later = now + 1_800_000;
    const renewed = await renew(text, later);
    const verified = await verifyIn(office, renewed, later);
    expect(verified.claims.exp).toBe(now / 1000 + 5400);
    expect(verified.stateKey).toBe((await verifyIn(office, text)).stateKey);
    await expect(renew(renewed, later + 1000)).rejects.toMatchObject({ code: 'lease-refused' });
    // The old one holds on to its own end.
    await expect(renew(text, now + 3_600_000)).rejects.toMatchObject({ code: 'lease-refused' });
    const row = office.book.find('default', verified.stateKey, later);
    expect(row?.claims.exp).toBe(now / 1000 + 5400);
    const bare = await issueRoot(office, { ...cnf(), maxExp: now / 1000 + 7200 });
    await expect(renew(bare, later)).rejects.toMatchObject({ code: 'lease-refused' });
  });

  it('takes nothing but the same lease', async () => {
    const lease = await held(terms);
    const other = await issueRoot(office, { ...cnf(), ...terms });
    for (const answer of [other, '', `${lease.text}~${other}`]) {
      await expect(
        lease.refresh({ refresh: () => Promise.resolve(answer) }),
      ).rejects.toBeInstanceOf(WarderError);
    }
    expect(lease.status()).toMatchObject({ state: 'active', refreshable: true });
  });

  it('goes on in the background, tries again after a fault, and stops when told or refused', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      let at = now;
      const lease = new HeldLease(await issueRoot(office, { ...cnf(), ...terms }), key, () => at);
      const answers = [
        () => Promise.reject(new Error('no line')),
        (text: string) => renew(text, at),
        () => Promise.reject(new WarderError('lease-refused', 'revoked')),
      ];
      const asked: number[] = [];
      const refresher = {
        refresh: (text: string) => {
          asked.push(at);
          return answers[asked.length - 1]?.(text) ?? Promise.reject(new Error('none left'));
        },
      };
      lease.start(refresher);
      // Keys and store answer from outside the timers; the test's own limit ends the waiting.
      const pass = async (milliseconds: number, until: () => boolean): Promise<void> => {
        at += milliseconds;
        await vi.advanceTimersByTimeAsync(milliseconds);
        while (!until()) await new Promise(setImmediate);
      };
      await pass(2_699_000, () => true);
      expect(asked).toHaveLength(0);
      await pass(1000, () => lease.status().fault?.message === 'no line');
      await pass(5000, () => lease.claims.exp === now / 1000 + 5400 && vi.getTimerCount() === 1);
      expect(lease.status().fault).toBeUndefined();
      await pass(2_100_000, () => lease.status().fault?.message === 'revoked');
      await pass(600_000, () => true);
      expect(asked).toHaveLength(3);
      lease.stop();
    } finally {
      vi.useRealTimers();
    }
  });
});
