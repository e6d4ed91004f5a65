// Builds the sample tools: `node scripts/build-tools.mjs [--check] [NAME...]`.
// Without --check writes tools/NAME/NAME.wasm and tools/digests.json; with it builds in memory
// and compares with the committed digest and file. A tool whose compiler is missing is named as
// not rebuilt, with what to install; that is no failure, unless nothing else was asked for.

import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

process.chdir(join(dirname(fileURLToPath(import.meta.url)), '..'));

const assemblyScript = (name) => ({
  missing: () => null,
  build: async () => {
    const { compileAssemblyScript } = await import('./build-tools/assemblyscript.mjs');
    return compileAssemblyScript(`tools/${name}/src/tool.ts`);
  },
});

const component = (name, options) => ({
  missing: () => null,
  build: async () => {
    const { compileComponent } = await import('./build-tools/component.mjs');
    return compileComponent(`tools/${name}/src/tool.ts`, `tools/${name}/world.wit`, options);
  },
});

const c = await import('./build-tools/c.mjs');
const cPlugin = (name, files) => ({
  missing: c.missingCompiler,
  build: async () =>
    c.compileC(
      [...files.map((file) => `tools/${name}/src/${file}`), 'wit/sdk/c/warder.c'],
      ['wit/sdk/c'],
    ),
});

/** Every tool by name, and how its artifact is made. */
const recipes = {
  text: assemblyScript('text'),
  'file-search': assemblyScript('file-search'),
  notes: assemblyScript('notes'),
  'data-query': component('data-query', { pure: true }),
  'fetch-extract': component('fetch-extract', { pure: true }),
  checksum: cPlugin('checksum', ['tool.c', 'digest.c']),
};

const DIGESTS = 'tools/digests.json';
const digestOf = (bytes) => createHash('sha256').update(bytes).digest('hex');

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { check: { type: 'boolean', default: false } },
});
const unknown = positionals.filter((name) => !Object.hasOwn(recipes, name));
if (unknown.length > 0) {
  console.error(`error[usage]: no tool \`${unknown.join('`, `')}\``);
  console.error(`hint: one of ${Object.keys(recipes).join(', ')}`);
  process.exit(2);
}

const committed = existsSync(DIGESTS) ? JSON.parse(readFileSync(DIGESTS, 'utf8')) : {};
const digests = { ...committed };
let built = 0;
let skipped = 0;
let wrong = 0;
for (const name of positionals.length > 0 ? positionals : Object.keys(recipes)) {
  const artifact = `tools/${name}/${name}.wasm`;
  const reason = recipes[name].missing();
  if (reason !== null) {
    console.error(`NOT REBUILT ${name}: ${reason}`);
    skipped += 1;
    continue;
  }
  const bytes = await recipes[name].build();
  const digest = digestOf(bytes);
  built += 1;
  if (!values.check) {
    writeFileSync(artifact, bytes);
    digests[name] = digest;
    console.log(`${name} ${digest} ${bytes.length} bytes`);
    continue;
  }
  const onDisk = existsSync(artifact) ? digestOf(readFileSync(artifact)) : 'absent';
  if (digest === committed[name] && digest === onDisk) {
    console.log(`ok ${name} ${digest}`);
    continue;
  }
  wrong += 1;
  console.error(`FAIL ${name}: built ${digest}, committed ${committed[name]}, on disk ${onDisk}`);
}
if (!values.check) {
  const sorted = Object.fromEntries(Object.entries(digests).sort(([a], [b]) => (a < b ? -1 : 1)));
  writeFileSync(DIGESTS, `${JSON.stringify(sorted, null, 2)}\n`);
}
console.log(`${built} rebuilt, ${skipped} not rebuilt, ${wrong} different`);
if (wrong > 0 || (built === 0 && skipped > 0)) process.exitCode = 1;
