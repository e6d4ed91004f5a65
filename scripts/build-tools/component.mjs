// Bundles a TypeScript tool and turns it into a component with a QuickJS inside.

import { build } from 'esbuild';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { componentize } from 'componentize-qjs';
import { restoreNames, standIn, toStandIn } from './late-http.mjs';
import { frozenRuntime } from './qjs-runtime.mjs';

/** The WASI packages a world may refer to, from jco. */
const WASI = ['io', 'clocks', 'random', 'cli', 'filesystem', 'sockets'];

/** A WIT folder: the tool's own world over `wit/` and WASI 0.2. */
function witFolder(folder, world) {
  mkdirSync(join(folder, 'deps'), { recursive: true });
  const builtin = new URL(
    '../lib/wit/builtin/0.2.12/',
    import.meta.resolve('@bytecodealliance/jco'),
  );
  for (const name of WASI) {
    const from = fileURLToPath(new URL(`wasi-${name}`, builtin));
    cpSync(from, join(folder, 'deps', `wasi-${name}`), { recursive: true });
  }
  for (const name of ['io', 'http']) {
    standIn(fileURLToPath(new URL(`wasi-${name}`, builtin)), join(folder, 'deps', `late-${name}`));
  }
  cpSync('wit', join(folder, 'deps', 'warder-tool'), { recursive: true });
  writeFileSync(join(folder, 'world.wit'), toStandIn(readFileSync(world, 'utf8')));
}

let runtimeBytes;

/**
 * The component's bytes. Paths are relative to the repository root, which must be the cwd.
 * `pure` leaves out what the JavaScript engine itself would import from WASI.
 */
export async function compileComponent(entry, world, { pure = false } = {}) {
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
      jsSource: toStandIn(bundle.outputFiles[0].text),
      runtimeBytes,
      stubWasi: pure,
    });
    return restoreNames(Buffer.from(component));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
