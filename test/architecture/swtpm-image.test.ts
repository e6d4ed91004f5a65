// The steps of the software TPM image, run here with a `warder` that says what it is asked.

import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parseKeyUri } from '../../src/trust/signer/key-uri.ts';
import { curvesOf } from '../../src/trust/tpm/attestation-commands.ts';
import { socketTransport } from '../../src/trust/tpm/socket-transport.ts';
import { openTpm } from '../../src/trust/tpm/tpm.ts';
import { describeHardware } from '../support/hardware.ts';
import { repository } from './planted-tree.ts';

const steps = join(repository, 'docker/swtpm');

describeHardware('docker/swtpm', () => {
  const root = mkdtempSync(join(tmpdir(), 'warder-swtpm-image-'));
  const bin = join(root, 'bin');

  beforeAll(() => {
    mkdirSync(bin);
    // Ends together with the TPM beside it, whose parent it has become.
    writeFileSync(join(bin, 'warder'), '#!/bin/sh\necho "$*"\n[ "$1" = init ] || pkill -P $$\n');
    chmodSync(join(bin, 'warder'), 0o755);
  });
  afterAll(() => rmSync(root, { recursive: true, force: true }));

  test('start-tpm.sh becomes a TPM on a Unix socket that nobody else may open', async () => {
    const path = join(root, 'tpm.sock');
    const child = spawn(join(steps, 'start-tpm.sh'), [join(root, 'state'), path]);
    const listens = async (): Promise<boolean> => {
      const socket = connect(path);
      const found = await once(socket, 'connect').then(
        () => true,
        () => false,
      );
      socket.destroy();
      return found;
    };
    for (let tries = 0; tries < 200 && !(await listens()); tries += 1);
    expect(execFileSync('stat', ['-c', '%a', path], { encoding: 'utf8' })).toBe('600\n');
    const tpm = openTpm(socketTransport({ path }));
    expect(await curvesOf(tpm)).toContain(3);
    await tpm.close();
    const ended = once(child, 'exit');
    child.kill();
    await ended;
  });

  test('serve.sh makes the home with its key in the TPM, and becomes warder', () => {
    const env = { PATH: `${bin}:${process.env['PATH'] ?? ''}` };
    const directory = join(root, 'image');
    const ran = spawnSync(join(steps, 'serve.sh'), [directory, 'mcp', '--agent', 'a'], {
      env,
      encoding: 'utf8',
      timeout: 15_000,
    });
    const uri = /init --key (\S+)/.exec(ran.stderr)?.[1] ?? '';
    expect(parseKeyUri(uri)).toMatchObject({
      key: { handle: 0x8102_0001 },
      transport: { socket: join(directory, 'tpm.sock') },
      authSource: join(directory, 'auth'),
    });
    expect(ran.stdout).toBe('mcp --agent a\n');
  });

  test('make-tpm.sh makes a TPM once, with what vouches for it', () => {
    const made = join(root, 'made');
    const make = (): string =>
      execFileSync(join(steps, 'make-tpm.sh'), [made], { encoding: 'utf8', stdio: 'pipe' });
    const certificate = make().trim();
    expect(readFileSync(certificate, 'utf8')).toContain('BEGIN CERTIFICATE');
    const state = readFileSync(join(made, 'tpm2-00.permall'));
    expect(make().trim()).toBe(certificate);
    expect(readFileSync(join(made, 'tpm2-00.permall'))).toEqual(state);
  });

  test.each([['make-tpm.sh'], ['start-tpm.sh']])('%s says how to get what it lacks', (script) => {
    const ran = spawnSync('/bin/bash', [join(steps, script), root, '1'], {
      env: { PATH: bin },
      encoding: 'utf8',
    });
    expect(ran.status).toBe(7);
    expect(ran.stderr).toContain('hint: sudo apt-get install swtpm');
  });

  test('the Dockerfile runs these steps and nothing else of its own', () => {
    const text = readFileSync(join(steps, 'Dockerfile'), 'utf8');
    expect(text).toContain(
      'COPY docker/swtpm/make-tpm.sh docker/swtpm/start-tpm.sh docker/swtpm/serve.sh /opt/warder/swtpm/',
    );
    expect(text).toContain('ENTRYPOINT ["/opt/warder/swtpm/serve.sh"');
  });
});
