// A small clean house in a temporary folder, with the repository's own gates and settings, into
// which a test plants faults. Says what a gate answered.

import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

/** The repository's root. */
export const repository: string = dirname(dirname(import.meta.dirname));

/** Files by path relative to the tree. */
export type Files = Readonly<Record<string, string>>;

/** A planted tree; `remove` deletes it. */
export interface PlantedTree {
  readonly root: string;
  write(files: Files): void;
  delete(...paths: string[]): void;
  /** Runs `npm run check`'s gate of that name here. */
  gate(name: string, ...args: string[]): { good: boolean; output: string };
  remove(): void;
}

const settings = [
  'scripts/build-stamp.mjs',
  'scripts/build.mjs',
  'scripts/bundle.mjs',
  'scripts/check.mjs',
  'scripts/lint',
  'scripts/lock.mjs',
  'scripts/rooms.json',
  'scripts/setup.mjs',
  'scripts/system-packages.mjs',
  '.oxlintrc.json',
  '.prettierrc.json',
  '.prettierignore',
  'knip.json',
  'package-lock.json',
  'tsconfig.json',
  'tsconfig.build.json',
];

const program = "#!/usr/bin/env node\nconsole.log('one');\n";

const clean: Files = {
  'package.json': JSON.stringify({
    name: 'warder',
    version: '0.0.0',
    type: 'module',
    bin: './bin.js',
    files: ['bin.js'],
    devDependencies: { esbuild: '*', oxlint: '*' },
  }),
  'bin.js': program,
  'vitest.config.ts': 'const config: object = {};\n\nexport default config;\n',
  'src/index.ts':
    "// Opens the house.\nexport { length } from './base/encoding/length.ts';\n" +
    "export { serve } from './gate/gate.ts';\n",
  'src/base/encoding/length.ts':
    '// Counts.\n\n/** How long. */\nexport function length(text: string): number {\n' +
    '  return text.length;\n}\n',
  'src/gate/gate.ts':
    "// Serves.\nimport { length } from '../base/encoding/length.ts';\n\n" +
    '/** Serves later. */\nexport async function serve(): Promise<number> {\n' +
    "  return await Promise.resolve(length('one'));\n}\n",
};

/** Makes a clean tree; the caller plants faults with `write` and removes it at the end. */
export function plantTree(): PlantedTree {
  const root = mkdtempSync(join(tmpdir(), 'warder-planted-'));
  for (const name of settings) {
    cpSync(join(repository, name), join(root, name), { recursive: true });
  }
  symlinkSync(join(repository, 'node_modules'), join(root, 'node_modules'));
  const write = (files: Files): void => {
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      writeFileSync(join(root, path), text);
    }
  };
  write(clean);
  return {
    root,
    write,
    delete(...paths) {
      for (const path of paths) rmSync(join(root, path), { recursive: true });
    },
    gate(name, ...args) {
      const ran = spawnSync(process.execPath, ['scripts/check.mjs', name, '--', ...args], {
        cwd: root,
        encoding: 'utf8',
      });
      return { good: ran.status === 0, output: ran.stdout + ran.stderr };
    },
    remove() {
      rmSync(root, { recursive: true, force: true });
    },
  };
}
