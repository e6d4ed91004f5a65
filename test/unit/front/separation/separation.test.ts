import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { locateHome } from '../../../../src/front/config/home.ts';
import { readInstallRecord, runDirectoryOf } from '../../../../src/front/config/install-record.ts';
import { Accounts } from '../../../../src/front/separation/accounts.ts';
import { parseFurnishing } from '../../../../src/front/separation/furnish-home.ts';
import { places, socketPlaces } from '../../../../src/front/separation/layout.ts';
import {
  openPassphrase,
  passphraseFile,
  setPassphrase,
} from '../../../../src/front/separation/operator-passphrase.ts';
import { weakPoint } from '../../../../src/front/separation/safe-path.ts';
import { tmpfilesText, unitText } from '../../../../src/front/separation/unit.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'warder-separation-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('accounts', () => {
  it('are read with first and other groups', () => {
    mkdirSync(join(folder, 'etc'));
    writeFileSync(
      join(folder, 'etc/passwd'),
      '# local\nroot:x:0:0:root:/root:/bin/sh\ncoder:x:1000:1000::/home/coder:/bin/sh\n\nalice:x:1001:1001::/:/bin/sh\n',
    );
    writeFileSync(
      join(folder, 'etc/group'),
      'root:x:0:\ncoder:x:1000:\nwarder-operator:x:990:alice,gone\nwarder-agent-coder:x:991:coder\n',
    );
    const accounts = Accounts.read(folder);
    const operators = accounts.group('warder-operator');
    if (operators === undefined) throw new Error('no group');
    expect(accounts.membersOf(operators).map(({ name }) => name)).toEqual(['alice']);
    const coder = accounts.user('coder');
    if (coder === undefined) throw new Error('no user');
    expect(accounts.groupsOf(coder)).toEqual(['coder', 'warder-agent-coder']);
  });

  it('are none where there are no files', () => {
    expect(Accounts.read(folder).users).toEqual([]);
  });
});

describe('the sockets of a separated install', () => {
  it('lie outside the home, each in a directory of its group', () => {
    const home = locateHome('/var/lib/warder', { WARDER_RUN: '/run/warder' });
    expect(home.agentSocket).toBe('/run/warder/agents/default/agent.sock');
    expect(home.operatorSocket).toBe('/run/warder/operator/operator.sock');
    expect(socketPlaces(['coder'], ['bob'], 'in-daemon').slice(3)).toEqual([
      { path: '/run/warder/operator', owner: 'warder', group: 'warder-operator', mode: 0o2750 },
      {
        path: '/run/warder/agents/coder',
        owner: 'warder',
        group: 'warder-agent-coder',
        mode: 0o2750,
      },
      {
        path: '/run/warder/operators/bob',
        owner: 'warder',
        group: 'warder-operator-bob',
        mode: 0o2750,
      },
    ]);
  });

  it('are in the home where nothing says otherwise', () => {
    expect(runDirectoryOf(folder, {})).toBeUndefined();
    expect(locateHome(folder, {}).operatorSocket).toBe(join(folder, 'operator.sock'));
  });

  it('are not guessed from a record that is none', () => {
    const path = join(folder, 'install.json');
    writeFileSync(path, '{"version":1,"home":"/var/lib/warder","run":"/run/warder"}');
    expect(readInstallRecord(path)).toMatchObject({ run: '/run/warder' });
    for (const text of ['{"version":2}', '{"version":1,"home":1,"run":"/r"}', '{', 'null']) {
      writeFileSync(path, text);
      expect(() => readInstallRecord(path)).toThrow();
    }
  });

  it('come back after a boot', () => {
    expect(tmpfilesText(socketPlaces(['coder'], [], 'process'))).toContain(
      'd /run/warder/agents/coder 2750 warder warder-agent-coder -\n',
    );
  });

  it('let the daemon alone pass to the signer', () => {
    expect(socketPlaces([], [], 'process')).toContainEqual({
      path: '/run/warder/signer',
      owner: 'warder-sign',
      group: 'warder',
      mode: 0o2750,
    });
  });

  it('are all below directories of root', () => {
    const all = places(['coder'], ['bob'], 'process');
    for (const { path, mode, owner } of all) {
      const above = all.find((each) => path.startsWith(`${each.path}/`) && each.owner !== 'root');
      expect([path, above]).toEqual([path, undefined]);
      expect([path, mode & 0o022]).toEqual([path, 0]);
      if (owner !== 'root') expect([path, mode & 0o007]).toEqual([path, 0]);
    }
  });
});

describe('the unit', () => {
  it('starts what it is told to, whatever the path is like', () => {
    expect(unitText('/opt/node', '/opt/warder/main.js', 'process')).toContain(
      'ExecStart=/opt/node --disable-sigusr1 --no-warnings /opt/warder/main.js --home /var/lib/warder serve\n',
    );
    expect(unitText('/opt/a b/100%/$x', '/m', 'process')).toContain(
      'ExecStart="/opt/a b/100%%/$$x" ',
    );
  });

  it('leaves the jail of the tools what it needs', () => {
    const unit = unitText('/n', '/m', 'process').replaceAll(/^#.*$/gm, '');
    for (const never of [
      'RestrictNamespaces',
      'ProtectKernelTunables',
      'ProtectProc',
      'ProtectHostname',
      'MemoryDenyWriteExecute',
      '@mount',
    ]) {
      expect(unit).not.toContain(never);
    }
    expect(unit).toContain('NoNewPrivileges=yes');
  });
});

describe('a passphrase', () => {
  it('is known again by its hash alone', async () => {
    const home = locateHome(folder, {});
    await setPassphrase(home, 'operator', 'four words of alice');
    const file = passphraseFile(home, 'operator');
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const check = openPassphrase(home, 'operator');
    expect(await check('four words of alice')).toBe(true);
    expect(await check('four words of alicf')).toBe(false);
    expect(await check('')).toBe(false);
    await setPassphrase(home, 'operator', 'five other words of hers');
    expect(await openPassphrase(home, 'operator')('four words of alice')).toBe(false);
  });

  it.each(['', 'short', 'two\nlines of it', 'x'.repeat(1025)])('is not %j', async (text) => {
    const home = locateHome(folder, {});
    await expect(setPassphrase(home, 'operator', text)).rejects.toMatchObject({ code: 'usage' });
    expect(() => openPassphrase(home, 'operator')).toThrow('cannot open');
  });

  it('in a damaged or open file opens nothing', async () => {
    const home = locateHome(folder, {});
    await setPassphrase(home, 'operator', 'four words of alice');
    const file = passphraseFile(home, 'operator');
    chmodSync(file, 0o644);
    expect(() => openPassphrase(home, 'operator')).toThrow('open to group or others');
    chmodSync(file, 0o600);
    writeFileSync(file, '{"version":1,"salt":"AAAA","hash":"AAAA"}');
    expect(() => openPassphrase(home, 'operator')).toThrow('damaged');
  });
});

it('a path below a directory that others can write is weak', () => {
  chmodSync(folder, 0o777);
  expect(weakPoint(join(folder, 'nothing'))).toContain('cannot be found');
  expect(weakPoint(folder)).toMatch(/can be written by others|belongs to user/);
});

it('what setup hands to its part in the home is read strictly', () => {
  const read = (value: unknown): unknown => parseFurnishing(Buffer.from(JSON.stringify(value)));
  expect(read({ agents: ['a'], operators: [], passphrases: { operator: 'x' } })).toBeDefined();
  for (const bad of [{}, { agents: [1], operators: [], passphrases: {} }, [], null]) {
    expect(() => read(bad)).toThrow('does not come from');
  }
});
