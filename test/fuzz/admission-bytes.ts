// Bytes into admission: it admits or refuses, soon, and what it admits is what V8 finds in it.

import { admitOrRefuse, compareWithV8 } from './admitted.ts';
import { mutate } from './mutate.ts';
import type { Random } from './random.ts';
import { seeds } from './seeds.ts';
import { type FuzzTarget, Met } from './target.ts';
import { componentOf, leb, moduleOf } from '../support/wasm-bytes.ts';

/** Sections of noise in the right order, so that readers of sections are reached. */
function noise(random: Random): Uint8Array {
  const sections = Array.from({ length: random.below(6) }, () => {
    const count = random.pick([leb(random.below(4)), leb(random.next()), leb(1, 5)]);
    return [random.below(14), [...count, ...random.bytes(random.below(60))]] as const;
  }).sort(([a], [b]) => a - b);
  return random.chance(1, 3) ? componentOf(...sections) : moduleOf(...sections);
}

export const admissionBytes: FuzzTarget = {
  about: 'damaged and made-up binaries into admission, compared with V8',
  runs: { sample: 4000, long: 2_000_000 },
  open: () => {
    const met = new Met();
    const from = seeds().filter(({ bytes }) => bytes.length < 100_000);
    return Promise.resolve({
      met,
      run(random) {
        const kind = random.below(10);
        const bytes =
          kind === 0
            ? random.bytes(random.below(300))
            : kind < 3
              ? noise(random)
              : mutate(random.pick(from).bytes, random.pick(from).bytes, random);
        const admitted = admitOrRefuse(bytes);
        if (admitted === undefined) met.add('refused');
        else if (admitted.engine === 'component') met.add('admitted component');
        else met.add(compareWithV8(bytes) ? 'admitted and compiled' : 'admitted, not compiled');
      },
      close: () => Promise.resolve(),
    });
  },
};
