// Valid modules that nobody would write (`wasm-opt -ttf`), grown around fixtures so that they call what
// a plug-in may import, through admission, description and calls in real executors.

import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { admitOrRefuse, compareWithV8 } from './admitted.ts';
import { SandboxUnderTest } from './in-sandbox.ts';
import { seeds } from './seeds.ts';
import { Finding, type FuzzTarget, Met } from './target.ts';

const run = promisify(execFile);
const wasmOpt = resolve(import.meta.dirname, '../../node_modules/.bin/wasm-opt');

const FEATURES = [
  'mutable-globals',
  'sign-ext',
  'nontrapping-float-to-int',
  'multivalue',
  'reference-types',
  'simd',
  'tail-call',
  'extended-const',
  'multimemory',
  'relaxed-simd',
];
/** What admission refuses must be refused, not overlooked. */
const REFUSED = ['gc', 'memory64', 'threads'];

/** Fixtures of plain instructions, that import much of what may be imported. */
const BASES =
  'keeps vars blocks plain kv-once http-once proc-exit proc-raise stdout-forge poll-sleep path-escape ' +
  'log-flood host-flood start-loop';

export const randomModules: FuzzTarget = {
  about: 'random valid modules through admission, description and calls',
  runs: { sample: 20, long: 20_000 },
  open: async () => {
    const met = new Met();
    const folder = await mkdtemp(join(tmpdir(), 'warder-fuzz-'));
    const box = await SandboxUnderTest.open(met);
    const bases = seeds().filter(({ name }) => BASES.split(' ').includes(name));
    return {
      met,
      async run(random) {
        const [input, output] = [join(folder, 'in'), join(folder, 'out.wasm')];
        await writeFile(input, random.bytes(200 + random.below(4000)));
        const features = FEATURES.filter(() => random.chance(3, 4));
        if (random.chance(1, 5)) features.push('gc', 'reference-types', random.pick(REFUSED));
        await run(wasmOpt, [
          '-ttf',
          input,
          `--initial-fuzz=${random.pick(bases).path}`,
          '--fuzz-preserve-imports-exports',
          '-o',
          output,
          '--mvp-features',
          '--enable-bulk-memory',
          ...features.map((feature) => `--enable-${feature}`),
        ]);
        const bytes = new Uint8Array(await readFile(output));
        const admitted = admitOrRefuse(bytes);
        if (admitted === undefined) {
          met.add('refused');
          return;
        }
        if (!compareWithV8(bytes)) met.add('admitted, not compiled');
        if (admitted.engine !== 'extism') throw new Finding('a module became a component', bytes);
        await box.put(bytes, admitted.engine);
      },
      async close() {
        await box.close();
        await rm(folder, { recursive: true });
      },
    };
  },
};
