// Completes package-lock.json: every optional platform binding a package names gets its entry.
//
// `npm install` drops an optional binding from the lock file when the registry it talks to does
// not have it (another platform's, as a rule), and the next `npm ci` then refuses the lock file as
// "not in sync", even on a platform that never needed the binding. The entry written here has the
// version and the platform but no integrity, so it satisfies `npm ci` and is installed nowhere but
// on the platform it names.
//
//   node scripts/lock.mjs          completes the lock file
//   node scripts/lock.mjs --check  only says what is missing; exit 1 if anything is

import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const OS = ['aix', 'android', 'darwin', 'freebsd', 'linux', 'netbsd', 'openbsd', 'openharmony'];
const CPU = ['arm', 'arm64', 'ia32', 'loong64', 'ppc64', 'riscv64', 's390x', 'wasm32', 'x64'];

/** The os, cpu and libc a binding's name says, or undefined when the name says none. */
function platformOf(name) {
  const words = name.split('/').at(-1).split('-');
  const os = words.find((word) => OS.includes(word) || word === 'win32' || word === 'sunos');
  const cpu = words.find((word) => CPU.includes(word));
  if (cpu === undefined || (os === undefined && cpu !== 'wasm32')) return undefined;
  const libc = words.some((word) => word.startsWith('musl'))
    ? 'musl'
    : words.some((word) => word.startsWith('gnu'))
      ? 'glibc'
      : undefined;
  return {
    cpu: [cpu],
    ...(libc === undefined || os !== 'linux' ? {} : { libc: [libc] }),
    ...(os === undefined ? {} : { os: [os] }),
  };
}

/** Where Node would look for `name` from the package at `path`, nearest first. */
function* lookups(path, name) {
  for (let at = path; ;) {
    yield at === '' ? `node_modules/${name}` : `${at}/node_modules/${name}`;
    if (at === '') return;
    const cut = at.lastIndexOf('node_modules/');
    at = at.slice(0, Math.max(0, cut - 1));
  }
}

/**
 * Lists the optional bindings that `packages` (the lock file's table) names but does not hold.
 * Only exact versions are judged: bindings are always pinned by the package that loads them.
 */
export function missingBindings(packages) {
  const missing = [];
  for (const [path, entry] of Object.entries(packages)) {
    for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
      if (!/^\d+\.\d+\.\d+/.test(version)) continue;
      const found = [...lookups(path, name)].find((key) => packages[key] !== undefined);
      if (found !== undefined && packages[found].version === version) continue;
      const platform = platformOf(name);
      if (platform === undefined) continue;
      const beside = path.slice(0, path.lastIndexOf('node_modules/')) + `node_modules/${name}`;
      const key = packages[beside] === undefined ? beside : `${path}/node_modules/${name}`;
      const kind = entry.dev === true ? { dev: true } : {};
      missing.push({ key, entry: { version, ...platform, ...kind, optional: true } });
    }
  }
  return missing;
}

function main() {
  const file = join(dirname(dirname(fileURLToPath(import.meta.url))), 'package-lock.json');
  const lock = JSON.parse(readFileSync(file, 'utf8'));
  const missing = missingBindings(lock.packages);
  if (process.argv.includes('--check')) {
    for (const { key, entry } of missing) console.error(`missing: ${key} ${entry.version}`);
    process.exitCode = missing.length === 0 ? 0 : 1;
    return;
  }
  for (const { key, entry } of missing) lock.packages[key] ??= entry;
  const sorted = Object.fromEntries(
    Object.entries(lock.packages).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)),
  );
  if (missing.length > 0) {
    writeFileSync(file, `${JSON.stringify({ ...lock, packages: sorted }, null, 2)}\n`);
  }
  console.log(`${missing.length} missing bindings added`);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) main();
