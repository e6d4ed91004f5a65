// Makes a checkout ready: dependencies, Node, dist, and the system packages that warder uses; for
// tests those they use as well.
//
// Runs before `npm start`, `npm test` and `npm run check` under whatever Node the machine has (20 or
// newer), so it is plain ESM without dependencies. A second run finds everything done and is quick.
//
//   node scripts/setup.mjs            dependencies, Node, dist, bubblewrap
//   node scripts/setup.mjs --pkcs11   and the native module that key URIs `pkcs11:` need
//   node scripts/setup.mjs --test     and that, and the system packages that tests use

import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  accessSync,
  constants,
  existsSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import {
  compilerPackages,
  ensureSystemPackages,
  hardwarePackages,
  runtimePackages,
  testPackages,
} from './system-packages.mjs';
import { isBuilt } from './build-stamp.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const modules = join(root, 'node_modules');
const stampFile = join(modules, '.warder-setup');

/** The packages whose install scripts run; the same as `allowScripts` in package.json. */
const scripted = ['node', 'esbuild'];

function fail(text, hint) {
  console.error(`error[setup]: ${text}`);
  if (hint !== undefined) console.error(`hint: ${hint}`);
  process.exit(1);
}

function readJson(file) {
  return JSON.parse(readFileSync(file, 'utf8'));
}

/** The machine's own program of that name: never one that `npm ci` is about to delete. */
function machineProgram(name) {
  for (const dir of (process.env['PATH'] ?? '').split(delimiter)) {
    if (dir === '' || dir.includes('node_modules')) continue;
    const file = join(dir, name);
    try {
      accessSync(file, constants.X_OK);
      return file;
    } catch {
      continue;
    }
  }
  return undefined;
}

/** Runs npm with the machine's Node, so that it survives the deletion of node_modules. */
function npm(args, why, extra = {}) {
  console.log(`setup: ${why}`);
  const path = (process.env['PATH'] ?? '').split(delimiter);
  const env = {
    ...process.env,
    PATH: path.filter((dir) => !dir.includes('node_modules')).join(delimiter),
    ...extra,
  };
  const node = process.execPath.startsWith(modules) ? machineProgram('node') : process.execPath;
  const cli = process.env['npm_execpath'];
  const viaCli = node !== undefined && cli?.endsWith('npm-cli.js') && existsSync(cli);
  const command = viaCli ? node : machineProgram('npm');
  if (command === undefined) fail('npm is not on the path', 'install npm 10 or newer');
  const ran = spawnSync(command, viaCli ? [cli, ...args] : args, {
    cwd: root,
    env,
    stdio: 'inherit',
  });
  if (ran.error) fail(`\`npm ${args.join(' ')}\` did not start: ${ran.error.message}`);
  if (ran.status !== 0) fail(`\`npm ${args.join(' ')}\` failed`, 'its own message stands above');
}

function digest(text) {
  return createHash('sha256').update(text).digest('hex');
}

/** True when what is installed is what the lock file says, entry by entry. */
function matchesLock(lock) {
  let installed;
  try {
    installed = readJson(join(modules, '.package-lock.json')).packages;
  } catch {
    return false;
  }
  return Object.entries(lock.packages).every(([path, wanted]) => {
    if (path === '') return true;
    const found = installed[path];
    if (found === undefined) return wanted.optional === true;
    return found.version === wanted.version && existsSync(join(root, path));
  });
}

function readStamp() {
  try {
    return readFileSync(stampFile, 'utf8').trim();
  } catch {
    return '';
  }
}

/** The version of the Node that npm scripts find first, or undefined when it does not run. */
function scriptNode() {
  const ran = spawnSync(join(modules, '.bin', 'node'), ['--version'], { encoding: 'utf8' });
  return ran.status === 0 ? ran.stdout.trim().replace(/^v/, '') : undefined;
}

function ensureDependencies() {
  const text = readFileSync(join(root, 'package-lock.json'), 'utf8');
  const wanted = digest(text);
  const lock = JSON.parse(text);
  const ready = existsSync(modules) && (readStamp() === wanted || matchesLock(lock));
  if (!ready) npm(['ci', '--ignore-scripts'], 'installing the dependencies of package-lock.json');

  const version = lock.packages['node_modules/node'].version;
  if (scriptNode() !== version) {
    npm(['rebuild', ...scripted], `running the install scripts of ${scripted.join(' and ')}`);
  }
  const got = scriptNode();
  if (got !== version) {
    fail(
      `node_modules/.bin/node is ${got ?? 'not runnable'}, wanted ${version}`,
      'delete node_modules and run this again; the package `node` fetches a binary for this platform',
    );
  }
  if (readStamp() !== wanted) writeFileSync(stampFile, `${wanted}\n`);
}

function ensureBuild() {
  if (isBuilt(root)) return;
  console.log('setup: building dist');
  const ran = spawnSync(join(modules, '.bin', 'node'), [join(root, 'scripts', 'build.mjs')], {
    cwd: root,
    stdio: 'inherit',
  });
  if (ran.status !== 0) fail('the build failed', 'its own message stands above');
}

/** Gets packages, or says which are to be installed by hand. */
function ensurePackages(table, who) {
  const missing = ensureSystemPackages(join(root, '.cache'), table);
  if (missing.length === 0) return;
  fail(
    `${who} ${missing.map((row) => `\`${row.command}\` (${row.neededFor})`).join(', ')}`,
    `sudo apt-get install ${missing.map((row) => row.package).join(' ')}`,
  );
}

/** Where Node's own headers are: the package `node` brings them, so that none are downloaded. */
function nodeHeaders() {
  const around = join(modules, 'node', 'node_modules');
  const names = existsSync(around) ? readdirSync(around) : [];
  return names
    .map((name) => join(around, name))
    .find((dir) => existsSync(join(dir, 'include', 'node', 'node_api.h')));
}

/** Compiles pkcs11js. npm says nothing when an optional dependency does not compile: this does. */
function ensurePkcs11() {
  const compiled = join(modules, 'pkcs11js', 'build', 'Release', 'pkcs11.node');
  if (existsSync(compiled)) return;
  ensurePackages(compilerPackages, 'compiling pkcs11js needs');
  if (nodeHeaders() === undefined) npm(['rebuild', 'node'], 'fetching the headers of Node');
  const headers = nodeHeaders();
  if (headers === undefined) fail('the package `node` has no headers', 'delete node_modules');
  npm(['rebuild', 'pkcs11js'], 'compiling pkcs11js', { npm_config_nodedir: headers });
  if (!existsSync(compiled)) {
    fail('pkcs11js did not compile', `see \`npm_config_nodedir=${headers} npm rebuild pkcs11js\``);
  }
}

ensureDependencies();
ensureBuild();
const forTests = process.argv.includes('--test');
const hardware = forTests && process.env['WARDER_TEST_HARDWARE'] !== 'off';
if (forTests) {
  const table = hardware ? [...testPackages, ...hardwarePackages] : testPackages;
  ensurePackages(table, 'tests need');
} else {
  ensureSystemPackages(join(root, '.cache'), runtimePackages);
}
if (hardware || process.argv.includes('--pkcs11')) ensurePkcs11();
