// jco writes names of core modules into JavaScript as they are. Whoever transpiles first runs the code of
// whoever wrote the name; admission lets no such name near it.

import { expect, test } from 'vitest';
import { admit } from '../../../src/catalog/admit.ts';
import { evaluateGlue } from '../../../src/run/sandbox/executor/component/glue.ts';
import type { CoreInstance, CoreModule } from '../../../src/run/sandbox/executor/web-assembly.ts';
import { transpile } from '../../../src/run/sandbox/transpile/transpile.ts';
import { fixture } from '../../support/sandbox.ts';

const hostile = fixture('component-injection');

test('transpiled without a look, the name runs as code', async () => {
  const { glue } = await transpile(hostile);
  const instantiate = await evaluateGlue(glue);
  const marked = process as { escaped?: boolean };
  try {
    const module = {} as CoreModule;
    const instance: CoreInstance = { exports: { a: () => 7 } };
    instantiate(
      () => module,
      {},
      () => instance,
    );
    expect(marked.escaped).toBe(true);
  } finally {
    delete marked.escaped;
  }
});

test('admission refuses it', () => {
  expect(() => admit(hostile)).toThrow(/has the name .* which is not allowed/);
});
