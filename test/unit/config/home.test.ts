// A home is a real directory of this user, closed to others, whose sockets have paths the system takes.

import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import {
  agentSocketPath,
  checkHome,
  createHome,
  locateHome,
  operatorSocketPath,
} from '../../../src/front/config/home.ts';

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'warder-home-'));
});

afterEach(() => {
  rmSync(directory, { recursive: true, force: true });
});

const at = (name: string): ReturnType<typeof locateHome> => locateHome(join(directory, name), {});

describe('which home', () => {
  test('the flag, else WARDER_HOME, else ~/.warder', () => {
    const env = { WARDER_HOME: '/tmp/from-env' };
    expect(locateHome('/tmp/flag', env).root).toBe('/tmp/flag');
    expect(locateHome(undefined, env).root).toBe('/tmp/from-env');
    expect(locateHome(undefined, { WARDER_HOME: '' }).root).toBe(join(homedir(), '.warder'));
    expect(locateHome(undefined, {}).root).toBe(join(homedir(), '.warder'));
  });

  test('a path too long for a socket is an error that says so', () => {
    const long = join(directory, 'x'.repeat(100));
    expect(() => locateHome(long, {})).toThrow(
      /too long for a socket path \(\d+ bytes, at most 107\)/,
    );
    // Bytes count, not characters.
    expect(() => locateHome(`/${'é'.repeat(47)}`, {})).toThrow('too long');
    expect(locateHome(`/${'e'.repeat(92)}`, {}).operatorSocket).toHaveLength(107);
  });

  test('an agent’s name may make the path too long as well', () => {
    const home = locateHome(`/${'e'.repeat(80)}`, {});
    expect(() => agentSocketPath(home, 'a'.repeat(30))).toThrow('too long');
    expect(agentSocketPath(home, 'default')).toBe(home.agentSocket);
  });

  test.each(['../operator', 'a/b', '', 'A', '.', 'operator.sock'])(
    'an agent called `%s` has no socket',
    (name) => {
      expect(() => agentSocketPath(at('h'), name)).toThrow();
      expect(() => operatorSocketPath(at('h'), name)).toThrow();
    },
  );

  test('an operator has a socket of their own; the one called so has the home’s', () => {
    const home = at('h');
    expect(operatorSocketPath(home, 'alice')).toBe(join(home.root, 'operators', 'alice.sock'));
    expect(operatorSocketPath(home, 'operator')).toBe(home.operatorSocket);
    const long = locateHome(`/${'e'.repeat(80)}`, {});
    expect(() => operatorSocketPath(long, 'a'.repeat(30))).toThrow('too long');
  });
});

describe('a home', () => {
  test('is created closed to others, whatever the umask', () => {
    const before = process.umask(0);
    try {
      const home = at('h');
      createHome(home);
      for (const path of [home.root, home.keys, home.log, home.policy, home.agents, home.tools]) {
        expect((statSync(path).mode & 0o777).toString(8)).toBe('700');
      }
    } finally {
      process.umask(before);
    }
  });

  test('may be created again', () => {
    createHome(at('h'));
    expect(() => createHome(at('h'))).not.toThrow();
  });

  test('that is missing is refused with the remedy', () => {
    expect(() => checkHome(at('none'))).toThrow(
      expect.objectContaining({ code: 'unavailable', hint: expect.stringContaining('init') }),
    );
  });

  test.each([0o701, 0o710, 0o740, 0o750, 0o704, 0o777])('with mode %o is refused', (mode) => {
    const home = at('h');
    createHome(home);
    chmodSync(home.root, mode);
    expect(() => checkHome(home)).toThrow(
      expect.objectContaining({ code: 'unavailable', hint: expect.stringContaining('chmod 700') }),
    );
  });

  test('that is a link is refused, and nothing is created behind it', () => {
    const real = join(directory, 'real');
    mkdirSync(real, { mode: 0o700 });
    symlinkSync(real, join(directory, 'h'));
    expect(() => checkHome(at('h'))).toThrow(expect.objectContaining({ code: 'unavailable' }));
    expect(() => createHome(at('h'))).toThrow(expect.objectContaining({ code: 'unavailable' }));
    expect(existsSync(join(real, 'keys'))).toBe(false);
  });

  test('that is a file is refused', () => {
    writeFileSync(join(directory, 'h'), '', { mode: 0o600 });
    expect(() => checkHome(at('h'))).toThrow('is not a directory of this user');
  });

  test('open to others gets no directories before it is refused', () => {
    mkdirSync(join(directory, 'h'), { mode: 0o755 });
    expect(() => createHome(at('h'))).toThrow(expect.objectContaining({ code: 'unavailable' }));
    expect(existsSync(join(directory, 'h', 'keys'))).toBe(false);
  });
});
