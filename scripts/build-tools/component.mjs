// Bundles a TypeScript tool and turns it into a component with a QuickJS inside.

import { build } from 'esbuild';
import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { componentize } from 'componentize-qjs';
import { frozenRuntime } from './qjs-runtime.mjs';

/** The WASI packages a world may refer to, from jco. */
const WASI = ['io', 'clocks', 'random', 'cli', 'filesystem', 'sockets', 'http'];

/** A WIT folder: the tool's own world over `wit/` and WASI 0.2. */
function witFolder(folder, world) {
  mkdirSync(join(folder, 'deps'), { recursive: true });
  const jco = dirname(createRequire(import.meta.url).resolve('@bytecodealliance/jco/package.json'));
  for (const name of WASI) {
    const from = join(jco, 'lib/wit/builtin/0.2.12', `wasi-${name}`);
    cpSync(from, join(folder, 'deps', `wasi-${name}`), { recursive: true });
  }
  cpSync('wit', join(folder, 'deps', 'warder-tool'), { recursive: true });
  cpSync(world, join(folder, 'world.wit'));
}

let runtimeBytes;

/** The component's bytes. Paths are relative to the repository root, which must be the cwd. */
export async function compileComponent(entry, world) {
  const bundle = await build({
    entryPoints: [entry],
    bundle: true,
    write: false,
    format: 'esm',
    target: 'es2023',
    charset: 'utf8',
    legalComments: 'none',
    external: ['warder:*', 'wasi:*'],
    logLevel: 'error',
  });
  const folder = mkdtempSync(join(tmpdir(), 'build-tools-'));
  try {
    witFolder(folder, world);
    runtimeBytes ??= frozenRuntime();
    const { component } = await componentize({
      witPath: folder,
      jsSource: bundle.outputFiles[0].text,
      runtimeBytes,
    });
    return Buffer.from(component);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
