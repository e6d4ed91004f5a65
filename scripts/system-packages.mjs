// The system packages that warder and its tests use, and how setup gets them: by apt-get where it may, else by
// saying what to install. Plain ESM for the machine's own Node.

import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** What warder itself uses. */
export const runtimePackages = [
  {
    command: 'bwrap',
    package: 'bubblewrap',
    neededFor: 'the jail around tools; without it `unshare` of util-linux makes one where it can',
    required: false,
  },
];

/** What tests use besides. One row per program; a required one that stays absent fails `npm test`. */
export const testPackages = [
  ...runtimePackages,
  {
    command: 'strace',
    package: 'strace',
    neededFor: 'watching which system calls an executor makes, and failing those of the log',
    required: true,
  },
  {
    command: 'openssl',
    package: 'openssl',
    neededFor: 'checking signatures with a program that is not ours, and making certificates',
    required: true,
  },
];

/** What compiles pkcs11js. */
export const compilerPackages = [
  compiler('g++', 'g++'),
  compiler('make', 'make'),
  compiler('python3', 'python3'),
];

/** The devices that tests of keys run on. `WARDER_TEST_HARDWARE=off` leaves those tests out. */
export const hardwarePackages = [
  device('softhsm2-util', 'softhsm2', 'keys in a PKCS#11 token'),
  device('pkcs11-tool', 'opensc', 'looking at that token with a program that is not ours'),
  device('swtpm', 'swtpm', 'keys in a TPM'),
  device('swtpm_setup', 'swtpm-tools', 'giving that TPM an endorsement certificate'),
  device('tpm2', 'tpm2-tools', 'looking at that TPM with a program that is not ours'),
];

function compiler(command, name) {
  return { command, package: name, neededFor: 'compiling pkcs11js', required: true };
}

function device(command, name, why) {
  const neededFor = `${why}; WARDER_TEST_HARDWARE=off leaves these tests out`;
  return { command, package: name, neededFor, required: true };
}

function present(command) {
  const path = `${process.env['PATH'] ?? ''}${delimiter}/usr/sbin${delimiter}/sbin`;
  return path.split(delimiter).some((dir) => dir !== '' && existsSync(join(dir, command)));
}

/** The words before `apt-get` that make it run as root, or undefined when none do. */
function asRoot() {
  if (!present('apt-get')) return undefined;
  if (process.getuid?.() === 0) return [];
  const sudo = spawnSync('sudo', ['-n', 'true'], { stdio: 'ignore' });
  return sudo.status === 0 ? ['sudo', '-n'] : undefined;
}

function aptGet(prefix, args) {
  const [command, ...rest] = [
    ...prefix,
    'env',
    'DEBIAN_FRONTEND=noninteractive',
    'apt-get',
    ...args,
  ];
  return spawnSync(command, rest, { stdio: ['ignore', 'ignore', 'inherit'] }).status === 0;
}

function install(names) {
  const prefix = asRoot();
  if (prefix === undefined) return;
  console.log(`setup: apt-get install ${names.join(' ')}`);
  const args = ['install', '-y', '-qq', '--no-install-recommends', ...names];
  if (!aptGet(prefix, args) && aptGet(prefix, ['update', '-qq'])) aptGet(prefix, args);
}

/**
 * Gets what is missing and returns the required rows that still are. Optional packages are tried
 * once per day only, so that a machine without them or without apt-get still starts quickly.
 */
export function ensureSystemPackages(cacheDir, table) {
  const memory = join(cacheDir, 'system-packages-tried');
  const names = table.map((row) => row.package).join(' ');
  const today = `${new Date().toISOString().slice(0, 10)} ${names}`;
  const triedToday = existsSync(memory) && readFileSync(memory, 'utf8') === today;

  const absent = table.filter((row) => !present(row.command));
  const wanted = absent.filter((row) => row.required || !triedToday);
  if (wanted.length > 0) {
    install(wanted.map((row) => row.package));
    mkdirSync(cacheDir, { recursive: true });
    writeFileSync(memory, today);
  }
  const missing = absent.filter((row) => !present(row.command));
  for (const row of missing.filter((each) => !each.required)) {
    console.log(
      `setup: no \`${row.command}\`, optional (${row.neededFor}): apt-get install ${row.package}`,
    );
  }
  return missing.filter((row) => row.required);
}
