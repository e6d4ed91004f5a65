// What goes wrong with TPMs: the class of each trouble, what is refused meanwhile, and that signing goes on by itself
// once it is over.

import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { checkedSigner } from '../../../src/trust/signer/checked-signer.ts';
import { parseKeyUri, type Tpm2KeyUri } from '../../../src/trust/signer/key-uri.ts';
import { createKey, type OpenedSigner, openSigner } from '../../../src/trust/signer/open-signer.ts';
import { openTpm2Key } from '../../../src/trust/signer/tpm2/tpm2-key.ts';
import { handlesInUse } from '../../../src/trust/tpm/attestation-commands.ts';
import { pcrExtend } from '../../../src/trust/tpm/key-commands.ts';
import { createPrimary } from '../../../src/trust/tpm/object-commands.ts';
import { HIERARCHY } from '../../../src/trust/tpm/entity.ts';
import { EMPTY_AUTH } from '../../../src/trust/tpm/session.ts';
import { socketTransport } from '../../../src/trust/tpm/socket-transport.ts';
import { srkTemplate } from '../../../src/trust/tpm/templates.ts';
import { openTpm, type Tpm } from '../../../src/trust/tpm/tpm.ts';
import { payloads } from '../../contracts/signer.ts';
import { holds, sign, signAgain } from '../../support/device-signer.ts';
import { describeHardware } from '../../support/hardware.ts';
import { startSwtpm, type Swtpm } from '../../support/swtpm.ts';
import { codeOf, startTpmProxy } from '../../support/tpm-proxy.ts';

const payload = payloads.lease as Uint8Array;
const SIGN = 0x15d;
const POLICY_AUTH_VALUE = 0x16b;
/** For a TPM that is meant not to answer. */
const SHORT = { command: 300, long: 2000 };

const HANDLE = 'handle=0x81010001';
const BLOB = 'blob=one.tpm';
const GUARDED = 'blob=two.tpm';
const QUERY: Readonly<Record<string, string>> = {
  [HANDLE]: 'auth-source=handle.auth',
  [BLOB]: 'alg=ES256',
  [GUARDED]: 'pcrs=7&auth-source=guarded.auth',
};

/** Longer than a TPM is kept without work: others can get at it. */
async function idle(): Promise<void> {
  await sleep(400);
}

function trouble(signer: string, message: RegExp): unknown {
  return expect.objectContaining({
    code: 'unavailable',
    message: expect.stringMatching(message) as string,
    hint: expect.any(String) as string,
    data: expect.objectContaining({ signer }) as object,
  });
}

describeHardware('trouble with a TPM', () => {
  let tpm: Swtpm;
  const opened: OpenedSigner[] = [];

  beforeEach(async () => {
    tpm = await startSwtpm();
  });
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((signer) => signer.close()));
    await tpm.remove();
  });

  const uriOf = (where: string): string => tpm.uri(where, QUERY[where]);
  const create = (where: string): Promise<unknown> =>
    createKey(uriOf(where), { home: tpm.directory });
  const open = async (where: string, socket = tpm.socket): Promise<OpenedSigner> => {
    const uri = uriOf(where).replace(tpm.socket, socket);
    const signer = await openSigner(uri, { home: tpm.directory, roles: ['lease'] });
    opened.push(signer);
    return signer;
  };
  const made = async (where: string): Promise<OpenedSigner> => {
    await create(where);
    return open(where);
  };
  /** The same with time-outs of a test. */
  const openShort = async (where: string): Promise<OpenedSigner> => {
    const uri = parseKeyUri(uriOf(where)) as Tpm2KeyUri;
    const key = await openTpm2Key(uri, { home: tpm.directory, limits: SHORT });
    const signer = checkedSigner(key, { roles: ['lease'] });
    opened.push(signer);
    return signer;
  };
  const direct = async <T>(work: (client: Tpm) => Promise<T>): Promise<T> => {
    const client = openTpm(socketTransport({ host: '127.0.0.1', port: tpm.port }));
    try {
      return await work(client);
    } finally {
      await client.close();
    }
  };

  it.each([HANDLE, BLOB, GUARDED])(
    'power lost and back between two signatures: %s',
    async (where) => {
      const signer = await made(where);
      expect(holds(signer, await sign(signer))).toBe(true);
      await tpm.kill();
      await tpm.start();
      expect(holds(signer, await sign(signer))).toBe(true);
    },
  );

  it('power lost with 512 signatures asked for: each is whole or an error, and then it goes on', async () => {
    const signer = await made(BLOB);
    const asked = Array.from({ length: 512 }, () => sign(signer));
    const settled = Promise.allSettled(asked);
    await Promise.all(asked.slice(0, 20));
    await tpm.kill();
    const results = await settled;
    const signatures = results.filter((result) => result.status === 'fulfilled');
    const errors = results.filter((result) => result.status === 'rejected');
    expect(signatures.length).toBeGreaterThanOrEqual(20);
    expect(errors.length).toBeGreaterThan(0);
    for (const { value } of signatures) expect(holds(signer, value)).toBe(true);
    for (const { reason } of errors) expect(reason).toEqual(trouble('removed', /^no TPM at 127/));
    await expect(sign(signer)).rejects.toEqual(trouble('removed', /^no TPM/));
    await tpm.start();
    expect(holds(signer, await signAgain(signer))).toBe(true);
    const all = await Promise.all(Array.from({ length: 512 }, () => sign(signer)));
    expect(all.every((signature) => holds(signer, signature))).toBe(true);
  });

  it('a connection that breaks is made anew, and the signature with it', async () => {
    await create(HANDLE);
    const proxy = await startTpmProxy(tpm.port);
    try {
      const signer = await open(HANDLE, `127.0.0.1:${proxy.port}`);
      await sign(signer);
      let broken = 0;
      proxy.meddle = async (command, forward) => {
        const response = await forward(command);
        if (codeOf(command) === SIGN && broken === 0) {
          broken += 1;
          throw new Error('the answer is lost');
        }
        return response;
      };
      expect(holds(signer, await sign(signer))).toBe(true);
      expect(broken).toBe(1);
      await Promise.all(opened.splice(0).map((each) => each.close()));
    } finally {
      await proxy.close();
    }
  });

  it('a TPM that does not answer is given up, and asked again later', async () => {
    await create(HANDLE);
    const signer = await openShort(HANDLE);
    await sign(signer);
    tpm.freeze();
    const asked = Array.from({ length: 128 }, () => sign(signer));
    for (const { status, ...result } of await Promise.allSettled(asked)) {
      expect(status).toBe('rejected');
      expect(result).toMatchObject({
        reason: trouble('transient', /does not answer within 300 ms/),
      });
    }
    tpm.thaw();
    expect(holds(signer, await signAgain(signer))).toBe(true);
  });

  it('a wrong auth value is tried once; no lockout comes of it', async () => {
    await create(HANDLE);
    const file = join(tpm.directory, 'handle.auth');
    const right = readFileSync(file, 'utf8');
    writeFileSync(file, right.replaceAll(/[0-7]/g, 'f'));
    const signer = await open(HANDLE);
    const error: unknown = await signer.ready().catch((thrown: unknown) => thrown);
    expect(error).toEqual(trouble('auth', /refuses TPM2_Sign: BAD_AUTH/));
    expect(JSON.stringify(error)).not.toContain(right.slice(0, 8));
    await Promise.all(opened.splice(0).map((each) => each.close()));
    const uri = parseKeyUri(uriOf(HANDLE)) as Tpm2KeyUri;
    const key = await openTpm2Key(uri, { home: tpm.directory });
    const request = { kind: 'lease', payload } as const;
    await expect(key.sign(payload, request)).rejects.toEqual(trouble('auth', /BAD_AUTH/));
    // It is not asked again: it is not even there any more.
    await tpm.kill();
    await expect(key.sign(payload, request)).rejects.toEqual(trouble('auth', /BAD_AUTH/));
    await tpm.start();
    await key.close();
    expect(tpm.tool('tpm2_getcap properties-variable').text).toMatch(/LOCKOUT_COUNTER: 0x0\n/);
  });

  it('a TPM that others have locked still signs', async () => {
    const signer = await made(HANDLE);
    await Promise.all(opened.splice(0).map((each) => each.close()));
    tpm.tool('tpm2_dictionarylockout -s -n 1 -t 100 -l 100');
    tpm.tool('tpm2_createprimary -c p.ctx -p right');
    tpm.tool('tpm2_create -C p.ctx -P wrong -u x -r y');
    expect(tpm.tool('tpm2_create -C p.ctx -P right -u x -r y').text).toMatch(/lockout/);
    expect(signer.key).toEqual((await open(HANDLE)).key);
    const again = await open(HANDLE);
    expect(holds(again, await sign(again))).toBe(true);
  });

  it('registers that move while it signs cost another try; moved ones stop the key', async () => {
    await create(GUARDED);
    const proxy = await startTpmProxy(tpm.port);
    try {
      let disturbed = 0;
      proxy.meddle = async (command, forward) => {
        const response = await forward(command);
        if (codeOf(command) === POLICY_AUTH_VALUE && disturbed < 3) {
          disturbed += 1;
          // TPM2_PCR_Extend of register 10, as the kernel does it when a program starts.
          const head = '800200000041000001820000000a00000009400000090000000000';
          await forward(Buffer.from(`${head}00000001000b${'ab'.repeat(32)}`, 'hex'));
        }
        return response;
      };
      const signer = await open(GUARDED, `127.0.0.1:${proxy.port}`);
      expect(holds(signer, await sign(signer))).toBe(true);
      expect(disturbed).toBe(3);
      await Promise.all(opened.splice(0).map((each) => each.close()));
    } finally {
      await proxy.close();
    }
    const signer = await open(GUARDED);
    await sign(signer);
    // Others are let in while there is no work.
    await direct((client) => pcrExtend(client, 7, 'sha256', new Uint8Array(32).fill(1)));
    await expect(sign(signer)).rejects.toEqual(trouble('misconfigured', /POLICY_FAIL/));
    await expect(sign(signer)).rejects.toMatchObject({
      hint: expect.stringContaining('registers') as string,
    });
  });

  it('another key at the handle, or another TPM at the place, signs nothing', async () => {
    const signer = await made(HANDLE);
    await sign(signer);
    const blob = await made(BLOB);
    await sign(blob);
    await idle();
    tpm.tool('tpm2_evictcontrol -c 0x81010001');
    await expect(sign(signer)).rejects.toEqual(trouble('removed', /HANDLE/));
    await create(HANDLE);
    await expect(sign(signer)).rejects.toEqual(
      trouble('misconfigured', /another key is at `0x81010001`/),
    );
    await expect(
      openSigner(uriOf(HANDLE), { home: tpm.directory, roles: [], kid: signer.key.kid }),
    ).rejects.toEqual(trouble('misconfigured', /not the pinned one/));
    await idle();
    tpm.tool('tpm2_clear -c p');
    await expect(sign(blob)).rejects.toEqual(
      trouble('misconfigured', /is another TPM than before/),
    );
  });

  it('slots that others left full are emptied', async () => {
    const signer = await made(BLOB);
    await signAgain(signer);
    await idle();
    await direct(async (client) => {
      for (let n = 0; n < 3; n += 1) {
        await createPrimary(client, HIERARCHY.owner, EMPTY_AUTH, { template: srkTemplate });
      }
    });
    expect(holds(signer, await sign(signer))).toBe(true);
  });

  it('two keys in one TPM take turns, and leave nothing behind', async () => {
    const signers = [await made(HANDLE), await made(BLOB), await made(GUARDED)];
    const signatures = await Promise.all(
      Array.from({ length: 30 }, (_, at) => sign(signers[at % 3] as OpenedSigner)),
    );
    for (const [at, signature] of signatures.entries()) {
      expect(holds(signers[at % 3] as OpenedSigner, signature)).toBe(true);
    }
    await Promise.all(opened.splice(0).map((each) => each.close()));
    await direct(async (client) => {
      expect(await handlesInUse(client, 0x8000_0000)).toEqual([]);
      expect(await handlesInUse(client, 0x0200_0000)).toEqual([]);
    });
  });

  it('what is not a key that stays is not opened', async () => {
    const put = (...attributes: readonly string[]): void => {
      const ran = [
        tpm.tool('tpm2_createprimary -C o -c p.ctx'),
        tpm.tool(
          `tpm2_create -C p.ctx -G ecc256:ecdsa-sha256 -u u -r r -p hex:abcd -a ${attributes.join('|')}`,
        ),
        tpm.tool('tpm2_load -C p.ctx -u u -r r -c k.ctx'),
        tpm.tool('tpm2_evictcontrol -c k.ctx 0x81010001'),
      ];
      for (const { code, text } of ran) expect(code, text).toBe(0);
    };
    writeFileSync(join(tpm.directory, 'handle.auth'), 'abcd\n', { mode: 0o600 });
    const good = ['fixedtpm', 'fixedparent', 'sensitivedataorigin', 'userwithauth', 'noda', 'sign'];
    const cases: readonly (readonly [without: string, message: RegExp])[] = [
      ['fixedtpm', /may be copied/],
      ['noda', /counts wrong tries/],
    ];
    for (const [without, message] of cases) {
      put(
        ...good.filter(
          (name) => name !== without && !(without === 'fixedtpm' && name === 'fixedparent'),
        ),
      );
      await expect(open(HANDLE)).rejects.toEqual(trouble('misconfigured', message));
      tpm.tool('tpm2_evictcontrol -c 0x81010001');
    }
    put(...good);
    const signer = await open(HANDLE);
    expect(holds(signer, await sign(signer))).toBe(true);
    await expect(
      openSigner(`${uriOf(HANDLE)}&alg=ES384`, { home: tpm.directory, roles: [] }),
    ).rejects.toEqual(trouble('misconfigured', /is no ES384 key/));
  });

  it('a blob of another TPM is of no use', async () => {
    await create(BLOB);
    const other = await startSwtpm();
    try {
      for (const name of ['one.tpm', 'one.tpm.auth']) {
        copyFileSync(join(tpm.directory, name), join(other.directory, name));
      }
      const signer = await openSigner(other.uri(BLOB), { home: other.directory, roles: ['lease'] });
      opened.push(signer);
      await expect(sign(signer)).rejects.toEqual(trouble('misconfigured', /INTEGRITY/));
      await signer.close();
    } finally {
      await other.remove();
    }
  });
});
