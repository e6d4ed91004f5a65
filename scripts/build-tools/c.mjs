// Compiles a C tool to a WASI preview 1 reactor with Debian's clang and wasi-libc.

import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** The compiler the committed digest was made with; another one gives other bytes. */
const COMPILER = 'Debian clang version 14.0.6';

const PACKAGES = 'clang lld wasi-libc libclang-rt-14-dev-wasm32';

/** Why the compiler cannot be used here, in words that name the remedy; null when it can. */
export function missingCompiler() {
  const remedy = `on Debian 12: apt-get install ${PACKAGES}`;
  const clang = spawnSync('clang', ['--version'], { encoding: 'utf8' });
  if (clang.error) return `clang is not installed; ${remedy}`;
  const version = clang.stdout.split('\n')[0];
  if (version !== COMPILER) return `this clang is \`${version}\`, not \`${COMPILER}\`; ${remedy}`;
  if (spawnSync('wasm-ld', ['--version']).error) return `wasm-ld is not installed; ${remedy}`;
  if (!existsSync('/usr/lib/wasm32-wasi/libc.a')) return `wasi-libc is not installed; ${remedy}`;
  const library = spawnSync('clang', ['--print-resource-dir'], { encoding: 'utf8' });
  const builtins = join(library.stdout.trim(), 'lib/wasi/libclang_rt.builtins-wasm32.a');
  if (!existsSync(builtins)) return `the compiler's wasm32 runtime is missing; ${remedy}`;
  return null;
}

/** The module's bytes. Paths are relative to the repository root, which must be the cwd. */
export function compileC(sources, includes) {
  const folder = mkdtempSync(join(tmpdir(), 'build-tools-'));
  try {
    const output = join(folder, 'tool.wasm');
    const args = [
      '--target=wasm32-wasi',
      '-mexec-model=reactor',
      '-std=gnu11',
      '-Os',
      '-Wall',
      '-Wextra',
      '-Werror',
      '-fvisibility=hidden',
      ...includes.map((path) => `-I${path}`),
      ...sources,
      '-Wl,--strip-all,--gc-sections,-z,stack-size=131072',
      '-o',
      output,
    ];
    const ran = spawnSync('clang', args, { encoding: 'utf8' });
    if (ran.status !== 0) throw new Error(`clang: ${ran.stderr}`);
    return readFileSync(output);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
