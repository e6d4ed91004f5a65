// Which shared libraries a program needs, as the loader itself finds them.

import { execFileSync } from 'node:child_process';

const LDD = '/usr/bin/ldd';
/** `name => /path (0x…)`, or `/path (0x…)` for the loader itself. */
const LIBRARY = /(?:^|=>)\s*(\/.+?) \(0x[0-9a-f]+\)$/;

const known = new Map<string, readonly string[]>();

/**
 * Absolute paths of the libraries of a trusted program; empty for a static one. Asked once per
 * program: `ldd` may start it.
 *
 * @throws Error when they cannot be told, or one is missing.
 */
export function sharedLibraries(program: string): readonly string[] {
  const found = known.get(program) ?? readLibraries(program);
  known.set(program, found);
  return found;
}

function readLibraries(program: string): readonly string[] {
  let text: string;
  try {
    text = execFileSync(LDD, [program], {
      encoding: 'utf8',
      env: { LC_ALL: 'C' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  } catch (error) {
    const { stderr: said } = error as { readonly stderr: string };
    if (/not a dynamic executable|not a valid dynamic program/i.test(said)) return [];
    throw new Error(`the libraries of \`${program}\` cannot be told`, { cause: error });
  }
  return parseLibraries(text);
}

/**
 * The paths in what `ldd` prints.
 *
 * @throws Error when a library was not found.
 */
export function parseLibraries(text: string): readonly string[] {
  const paths = new Set<string>();
  for (const line of text.split('\n')) {
    if (line.trimEnd().endsWith('=> not found')) throw new Error(`missing library: ${line.trim()}`);
    const path = LIBRARY.exec(line.trimEnd())?.[1];
    if (path !== undefined) paths.add(path);
  }
  return [...paths].sort();
}
