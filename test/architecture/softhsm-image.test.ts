// The steps of the SoftHSM image, run here with a `warder` that says what it is asked.

import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parseKeyUri } from '../../src/trust/signer/key-uri.ts';
import { describeHardware } from '../support/hardware.ts';
import { repository } from './planted-tree.ts';

const steps = join(repository, 'docker/softhsm');

describeHardware('docker/softhsm', () => {
  const root = mkdtempSync(join(tmpdir(), 'warder-softhsm-image-'));
  const token = join(root, 'token');
  const bin = join(root, 'bin');
  const env = { PATH: `${bin}:${process.env['PATH'] ?? ''}` };

  beforeAll(() => {
    mkdirSync(bin);
    writeFileSync(join(bin, 'warder'), '#!/bin/sh\necho "$SOFTHSM2_CONF $*"\n');
    chmodSync(join(bin, 'warder'), 0o755);
  });
  afterAll(() => rmSync(root, { recursive: true, force: true }));

  test('make-token.sh makes a token once, with files for nobody else', () => {
    const make = (): string =>
      execFileSync(join(steps, 'make-token.sh'), [token, 'T'], { encoding: 'utf8' });
    const uri = parseKeyUri(make().trim());
    const pinSource = join(token, 'pin');
    expect(uri).toMatchObject({ scheme: 'pkcs11', token: 'T', object: 'warder', pinSource });
    for (const name of ['pin', 'so-pin', 'softhsm2.conf']) {
      expect(statSync(join(token, name)).mode & 0o777).toBe(0o600);
    }
    const pin = readFileSync(pinSource, 'utf8');
    const tokens = readdirSync(join(token, 'tokens'));
    expect(parseKeyUri(make().trim())).toEqual(uri);
    expect(readFileSync(pinSource, 'utf8')).toBe(pin);
    expect(readdirSync(join(token, 'tokens'))).toEqual(tokens);
  });

  test('serve.sh makes the home with its keys in the token, and becomes warder', () => {
    const ran = spawnSync(join(steps, 'serve.sh'), [`${token}-2`, 'mcp', '--agent', 'a'], {
      env,
      encoding: 'utf8',
    });
    expect(ran.stderr).toMatch(
      /init --key pkcs11:token=warder;object=warder\?module-path=\/.*&pin-source=/,
    );
    expect(ran.stdout).toBe(`${join(`${token}-2`, 'softhsm2.conf')} mcp --agent a\n`);
  });

  test('they are what the Dockerfile runs', () => {
    const image = readFileSync(join(steps, 'Dockerfile'), 'utf8');
    expect(image).toContain(
      'COPY docker/softhsm/make-token.sh docker/softhsm/serve.sh /opt/warder/',
    );
    expect(image).toContain(
      'ENTRYPOINT ["/opt/warder/softhsm/serve.sh", "/var/lib/warder/softhsm"]',
    );
  });
});
