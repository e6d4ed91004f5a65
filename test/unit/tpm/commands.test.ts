// The commands against a software TPM, those the back end does not need included.

import { createHash, randomBytes } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { parseAttest, type PcrSelection } from '../../../src/trust/tpm/attest-structures.ts';
import {
  activateCredential,
  certify,
  certifyCreation,
  curvesOf,
  handlesInUse,
  makeCredentialByTpm,
  nvReadPublic,
  propertiesOf,
} from '../../../src/trust/tpm/attestation-commands.ts';
import { HIERARCHY, type TpmObject, tpmObject } from '../../../src/trust/tpm/entity.ts';
import {
  dictionaryAttackLockReset,
  pcrExtend,
  pcrRead,
  policyAuthValue,
  policyGetDigest,
  policyPcr,
  policyRestart,
  policySecret,
  sign,
} from '../../../src/trust/tpm/key-commands.ts';
import { makeCredential } from '../../../src/trust/tpm/make-credential.ts';
import {
  create,
  createPrimary,
  flushContext,
  load,
  readPublic,
} from '../../../src/trust/tpm/object-commands.ts';
import { pcrPolicyDigest } from '../../../src/trust/tpm/pcr-policy.ts';
import { nameOf, qualifiedName } from '../../../src/trust/tpm/public-area.ts';
import { TPM_RC } from '../../../src/trust/tpm/response-code.ts';
import { EMPTY_AUTH } from '../../../src/trust/tpm/session.ts';
import { socketTransport } from '../../../src/trust/tpm/socket-transport.ts';
import { startSession } from '../../../src/trust/tpm/start-session.ts';
import {
  akTemplate,
  ekTemplates,
  signingTemplate,
  srkTemplate,
} from '../../../src/trust/tpm/templates.ts';
import { openTpm, type Tpm } from '../../../src/trust/tpm/tpm.ts';
import { describeHardware } from '../../support/hardware.ts';
import { startSwtpm, type Swtpm } from '../../support/swtpm.ts';

describeHardware('commands of a TPM', () => {
  let swtpm: Swtpm;
  let tpm: Tpm;
  const slots: { handle: number }[] = [];
  const loose = <T extends { handle: number }>(slot: T): T => {
    slots.push(slot);
    return slot;
  };

  beforeAll(async () => {
    swtpm = await startSwtpm();
  });
  afterAll(() => swtpm.remove());
  beforeEach(() => {
    tpm = openTpm(socketTransport({ host: '127.0.0.1', port: swtpm.port }));
  });
  afterEach(async () => {
    for (const slot of slots.splice(0)) await flushContext(tpm, slot);
    expect(await handlesInUse(tpm, 0x8000_0000)).toEqual([]);
    await tpm.close();
  });

  const primary = async (template: Uint8Array, hierarchy = HIERARCHY.owner) =>
    loose(await createPrimary(tpm, hierarchy, EMPTY_AUTH, { template }));

  it('make the same primary key each time, of the Name that the public area has', async () => {
    const first = await primary(srkTemplate);
    const again = await primary(srkTemplate);
    expect(again.area.key).toEqual(first.area.key);
    const read = await readPublic(tpm, first.handle);
    expect(nameOf(read.area)).toEqual(Uint8Array.from(first.name));
    expect(read.qualifiedName).toEqual(qualifiedName(Uint8Array.from([0x40, 0, 0, 1]), first.area));
  });

  it.each(['hmac', 'policy'] as const)(
    'are guarded by %s sessions salted to an RSA or ECC key',
    async (kind) => {
      for (const { template } of Object.values(ekTemplates)) {
        const ek = await primary(template, HIERARCHY.endorsement);
        const session = loose(await startSession(tpm, kind, ek));
        expect((await readPublic(tpm, ek.handle, session)).area).toEqual(ek.area);
        for (const slot of slots.splice(0).toReversed()) await flushContext(tpm, slot);
      }
    },
  );

  it('sign under a register policy until a register moves, and again once it is begun anew', async () => {
    const srk = await primary(srkTemplate);
    const auth = randomBytes(32);
    const selection: PcrSelection = { bank: 'sha256', pcrs: [16, 23] };
    const values = [...(await pcrRead(tpm, selection)).values()];
    const digest = pcrPolicyDigest('sha256', selection, values, true);
    const template = signingTemplate('P-256', 'sha256', digest);
    const made = await create(tpm, srk, EMPTY_AUTH, { template, auth });
    const key = loose(await load(tpm, srk, EMPTY_AUTH, made, auth));
    const policy = loose(await startSession(tpm, 'policy', srk));
    const prepare = async (): Promise<void> => {
      await policyPcr(tpm, policy, selection);
      await policyAuthValue(tpm, policy);
    };
    const text = createHash('sha256').update('x').digest();
    await prepare();
    expect(await policyGetDigest(tpm, policy)).toEqual(digest);
    await sign(tpm, key, policy, 'sha256', text);
    await prepare();
    await pcrExtend(tpm, 10, 'sha256', randomBytes(32));
    await expect(sign(tpm, key, policy, 'sha256', text)).rejects.toMatchObject({
      code: TPM_RC.pcrChanged,
    });
    await policyRestart(tpm, policy);
    await prepare();
    await sign(tpm, key, policy, 'sha256', text);
    await pcrExtend(tpm, 16, 'sha256', randomBytes(32));
    await prepare();
    await expect(sign(tpm, key, policy, 'sha256', text)).rejects.toMatchObject({
      code: TPM_RC.policyFail,
    });
  });

  it('certify a key and how it was made', async () => {
    const ak = await primary(akTemplate, HIERARCHY.endorsement);
    const subject = await primary(signingTemplate('P-256', 'sha256'));
    const signer = { object: ak, session: EMPTY_AUTH } as const;
    const extra = randomBytes(20);
    const { statement } = await certify(
      tpm,
      { object: subject, session: EMPTY_AUTH },
      signer,
      'sha256',
      extra,
    );
    expect(parseAttest(statement, 'it')).toMatchObject({
      type: 'certify',
      name: Uint8Array.from(subject.name),
      extraData: Uint8Array.from(extra),
    });
    const creation = await certifyCreation(tpm, subject, subject.creation, signer, 'sha256', extra);
    expect(Buffer.from(creation.statement).includes(subject.creation.hash)).toBe(true);
  });

  it('open a credential that the TPM or we made, for this very EK and AK', async () => {
    const ak = await primary(akTemplate, HIERARCHY.endorsement);
    const ek = await primary(ekTemplates.ecc.template, HIERARCHY.endorsement);
    const policy = loose(await startSession(tpm, 'policy'));
    const secret = randomBytes(32);
    const activate = async (credential: ReturnType<typeof makeCredential>): Promise<Uint8Array> => {
      await policySecret(tpm, policy, HIERARCHY.endorsement, EMPTY_AUTH);
      const subject = { object: ak, session: EMPTY_AUTH } as const;
      return activateCredential(tpm, subject, { object: ek, session: policy }, credential);
    };
    const name = Uint8Array.from(ak.name);
    expect(Buffer.from(await activate(makeCredential(ek.area, name, secret)))).toEqual(secret);
    expect(Buffer.from(await activate(await makeCredentialByTpm(tpm, ek, name, secret)))).toEqual(
      secret,
    );
    const other = nameOf({ ...ek.area, bytes: randomBytes(40) });
    await expect(activate(makeCredential(ek.area, other, secret))).rejects.toMatchObject({
      kind: 'refused',
    });
  });

  it('say what there is', async () => {
    expect(await curvesOf(tpm)).toContain(3);
    expect((await propertiesOf(tpm, 0x105, 3)).size).toBe(3);
    expect((await pcrRead(tpm, { bank: 'sha256', pcrs: [...Array(24).keys()] })).size).toBe(24);
    await expect(nvReadPublic(tpm, 0x01c0_0002)).rejects.toMatchObject({ code: TPM_RC.handle });
    await dictionaryAttackLockReset(tpm, HIERARCHY.lockout, EMPTY_AUTH);
    const missing: TpmObject = tpmObject(0x8000_0000, (await primary(srkTemplate)).area);
    for (const slot of slots.splice(0)) await flushContext(tpm, slot);
    await expect(
      sign(tpm, missing, EMPTY_AUTH, 'sha256', new Uint8Array(32)),
    ).rejects.toMatchObject({ code: TPM_RC.referenceH0 });
  });
});
