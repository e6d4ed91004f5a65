// Bundles what is started as a process of its own, so that a start reads few files: the executor as
// one file that needs nothing beside it (its file system is closed), and the command line with code
// split by its lazy imports (`warder mcp` must load almost nothing).

import { chmodSync, existsSync, readFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { dirname, join, relative, sep } from 'node:path';

import { build } from 'esbuild';

const wasi = './src/run/sandbox/executor/wasi/index.ts';
/** Processes that are one file each. */
const processes = {
  executor: {
    entry: 'src/run/sandbox/executor/main.ts',
    outFile: 'executor/executor.mjs',
    alias: { wasi, 'node:wasi': wasi },
  },
  'files-broker': { entry: 'src/reach/files/broker/main.ts', outFile: 'broker/files-broker.mjs' },
  'egress-broker': {
    entry: 'src/reach/egress/broker/main.ts',
    outFile: 'broker/egress-broker.mjs',
  },
};
const verifier = 'src/verify.ts';
const cli = { entry: 'src/front/cli/main.ts', outDir: 'bin' };

/** Packages that find WebAssembly or native files beside themselves and so cannot be moved. */
const unmovable = ['@cedar-policy/cedar-wasm', '@bytecodealliance/*', '@extism/extism'];

/** Lets CommonJS packages inside an ESM bundle require Node's own modules. */
const requireShim =
  "import { createRequire as __createRequire } from 'node:module';" +
  'const require = __createRequire(import.meta.url);';

/**
 * Keeps `import.meta` of a source file pointing at that file's own place in dist, where its assets
 * stand, although its code moves into a chunk in `outDir`.
 */
function ownPlace(root, outDir) {
  return {
    name: 'own-place',
    setup(hooks) {
      hooks.onLoad({ filter: /\/src\/.*\.ts$/ }, ({ path }) => {
        if (!path.startsWith(join(root, 'src') + sep)) return undefined;
        const text = readFileSync(path, 'utf8');
        if (!text.includes('import.meta')) return undefined;
        const inDist = relative(join(root, 'src'), path)
          .split(sep)
          .join('/')
          .replace(/\.ts$/, '.js');
        const up = relative(join('/', outDir), '/') || '.';
        const url = `new URL(${JSON.stringify(`${up}/${inDist}`)}, import.meta.url)`;
        const contents = text
          .replaceAll('import.meta.url', `(${url}.href)`)
          .replaceAll('import.meta.filename', `(decodeURIComponent(${url}.pathname))`)
          .replaceAll(
            'import.meta.dirname',
            `(decodeURIComponent(new URL('.', ${url}).pathname).slice(0, -1))`,
          );
        return { contents, loader: 'ts', resolveDir: dirname(path) };
      });
    },
  };
}

function shared(root, outDir) {
  return {
    absWorkingDir: root,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node24',
    sourcemap: true,
    sourcesContent: false,
    legalComments: 'linked',
    logLevel: 'warning',
    banner: { js: requireShim },
    plugins: [ownPlace(root, outDir)],
  };
}

/** Bundles one process alone into `dist` (absolute) and gives its path; tests use it as well. */
export async function bundleProcess(root, dist, name) {
  const { entry, outFile, alias } = processes[name];
  const outfile = join(dist, outFile);
  await build({
    ...shared(root, dirname(outFile)),
    entryPoints: [entry],
    outfile,
    ...(alias === undefined ? {} : { alias }),
    external: builtinModules,
    legalComments: 'eof',
  });
  return outfile;
}

/**
 * Bundles `warder/verify` alone into one file for browsers, and gives its path. It asks for nothing but
 * what every browser has: no file beside it, no module of Node's.
 */
export async function bundleVerifier(root, dist) {
  const outfile = join(dist, 'verify.browser.js');
  await build({
    absWorkingDir: root,
    entryPoints: [verifier],
    outfile,
    bundle: true,
    platform: 'browser',
    format: 'esm',
    target: 'es2024',
    minify: true,
    charset: 'utf8',
    sourcemap: false,
    legalComments: 'inline',
    logLevel: 'warning',
  });
  return outfile;
}

/** Bundles into `dist` (absolute); an entry that is not there yet is said and left out. */
export async function bundle(root, dist) {
  for (const [name, { entry }] of Object.entries(processes)) {
    if (existsSync(join(root, entry))) await bundleProcess(root, dist, name);
    else console.log(`bundle: no ${entry}, the ${name} is left out`);
  }
  if (existsSync(join(root, verifier))) await bundleVerifier(root, dist);
  else console.log(`bundle: no ${verifier}, the file for browsers is left out`);
  if (existsSync(join(root, cli.entry))) {
    await build({
      ...shared(root, cli.outDir),
      entryPoints: { main: cli.entry },
      outdir: join(dist, cli.outDir),
      splitting: true,
      // Its CommonJS form requires files by names esbuild cannot see.
      alias: { 'jsonc-parser': 'jsonc-parser/lib/esm/main.js' },
      chunkNames: '[name]-[hash]',
      external: [...unmovable, ...builtinModules],
    });
    chmodSync(join(dist, cli.outDir, 'main.js'), 0o755);
  } else {
    console.log(`bundle: no ${cli.entry}, the command line is left out`);
  }
}
