// Keys of a signer process, over either way to it: as good a signer as any.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { Door } from '../../../src/front/signing/door.ts';
import { openHttpsDoor } from '../../../src/front/signing/https-door.ts';
import { openSocketDoor } from '../../../src/front/signing/socket-door.ts';
import { openSigner } from '../../../src/trust/signer/open-signer.ts';
import { openMemorySigner } from '../../../src/trust/signer/memory/memory-signer.ts';
import type { Algorithm } from '../../../src/trust/signer/signer.ts';
import { signerContract } from '../../contracts/signer.ts';
import { deskWith, everyKind, TestCa } from '../../support/signer-process.ts';

const directory = mkdtempSync(join(tmpdir(), 'ws-'));
const doors: Door[] = [];
afterAll(async () => {
  await Promise.all(doors.map((door) => door.close()));
  rmSync(directory, { recursive: true });
});

const overSocket = async (alg: Algorithm): Promise<{ uri: string; kid: string }> => {
  const signer = openMemorySigner(alg, everyKind);
  const path = join(directory, `${alg}.sock`);
  doors.push(await openSocketDoor(path, deskWith(signer)));
  return { uri: `unix:${path}`, kid: signer.key.kid };
};

const ca = new TestCa(directory, 'house');
const client = ca.issue('daemon');
const members = `ca=${client.ca}&cert=${client.cert}&key=${client.key}`;
const overHttps = async (alg: Algorithm): Promise<{ uri: string; kid: string }> => {
  const signer = openMemorySigner(alg, everyKind);
  const at = { host: '127.0.0.1', port: 0 };
  const door = await openHttpsDoor(at, ca.issue('signer'), deskWith(signer));
  doors.push(door);
  return { uri: `${door.address}?${members}`, kid: signer.key.kid };
};

for (const [name, start] of [
  ['signer process over unix', overSocket],
  ['signer process over https', overHttps],
] as const) {
  for (const alg of ['ES256', 'ES384', 'EdDSA'] as const) {
    let started: ReturnType<typeof start> | undefined;
    signerContract(name, alg, async (rules) => {
      const { uri, kid } = await (started ??= start(alg));
      return openSigner(uri, { home: '/', kid, ...rules });
    });
  }

  describe(`512 callers at once, ${name}`, () => {
    it('each gets the signature of its own payload', async () => {
      const { uri, kid } = await start('ES256');
      const signer = await openSigner(uri, { home: '/', kid, roles: ['dsse'] });
      const asked = Array.from({ length: 512 }, (_, at) =>
        // Each is verified under the payload that was sent before it leaves.
        signer.sign({ kind: 'dsse', payload: new TextEncoder().encode(`DSSEv1 1 a 1 ${at}`) }),
      );
      const signatures = await Promise.all(asked);
      expect(new Set(signatures.map(String)).size).toBe(512);
      await signer.close();
    });
  });
}
