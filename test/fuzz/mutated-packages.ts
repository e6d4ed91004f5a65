// Damaged sample tools and fixtures through admission, description and calls in real executors.

import { admitOrRefuse } from './admitted.ts';
import { SandboxUnderTest } from './in-sandbox.ts';
import { mutate } from './mutate.ts';
import type { Random } from './random.ts';
import { type Seed, seeds } from './seeds.ts';
import { type FuzzTarget, Met } from './target.ts';

/** Mutations until something is admitted: most of them are refused at once. */
const TRIES = 40;
/** A component is transpiled first, which takes a second. */
const COMPONENTS = { one: 1, of: 12 };

export const mutatedPackages: FuzzTarget = {
  about: 'damaged tools and fixtures through admission, description and calls',
  runs: { sample: 40, long: 50_000 },
  open: async () => {
    const met = new Met();
    const box = await SandboxUnderTest.open(met);
    const all = seeds();
    const modules = all.filter(({ kind }) => kind === 'module');
    const components = all.filter(({ kind }) => kind === 'component');
    return {
      met,
      async run(random) {
        const from = random.chance(COMPONENTS.one, COMPONENTS.of) ? components : modules;
        const bytes = admittedMutant(from, random);
        if (bytes === undefined) met.add('refused');
        else await box.put(bytes, admitOrRefuse(bytes)?.engine ?? 'extism');
      },
      close: () => box.close(),
    };
  },
};

function admittedMutant(from: readonly Seed[], random: Random): Uint8Array | undefined {
  for (let left = TRIES; left > 0; left -= 1) {
    const mutant = mutate(random.pick(from).bytes, random.pick(from).bytes, random);
    if (admitOrRefuse(mutant) !== undefined) return mutant;
  }
  return undefined;
}
