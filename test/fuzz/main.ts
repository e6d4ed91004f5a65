// `npm run fuzz -- [TARGET...] [--count N | --seconds N] [--seed N] [--from N]`: one target or all of them, for
// long. A finding ends it with exit code 1, the input that led to it, and how to do it again.

import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { longRuns } from './long-runs.ts';
import { TARGETS } from './targets.ts';

const folder = resolve(import.meta.dirname, '../../.cache/fuzz');

await longRuns({
  command: 'fuzz',
  nouns: 'targets',
  targets: TARGETS,
  keep: (input, name) => {
    mkdirSync(folder, { recursive: true });
    const file = join(folder, `${name}.bin`);
    writeFileSync(file, input);
    console.error(`input: ${file}`);
  },
});
