// Evaluates jco's glue: JavaScript generated at admission from a hostile component, so it gets no
// more of the executor than the module it is.

import { GuestFailure } from '../engine.ts';
import type { ComponentExports } from './conventions.ts';
import type { CoreInstance, CoreModule } from '../web-assembly.ts';

/** jco's `instantiate` with `instantiation: sync`. */
export type Instantiate = (
  getCoreModule: (name: string) => CoreModule,
  imports: Readonly<Record<string, object>>,
  instantiateCore: (module: CoreModule, imports: object) => CoreInstance,
) => ComponentExports;

/**
 * The glue looks at `globalThis.process.env` on every step to see whether it should trace. Hiding the
 * global object from it makes that cheap; the rest of what it could find there it does not need.
 *
 * It asks for `WebAssembly.promising`, which is taken away here, and is content with the function it
 * has when that throws. Each throw costs V8 a parse of all of the glue, to name what was called: 5 ms
 * for an engine of JavaScript, several times per instance. So it is given that function at once.
 */
const PRELUDE =
  'const WebAssembly = Object.create(global.WebAssembly, { promising: { value: (own) => own } }); ' +
  'const globalThis = { WebAssembly }, process = undefined, require = undefined;\n';

/**
 * @throws GuestFailure when the text is no such module.
 */
export async function evaluateGlue(glue: string): Promise<Instantiate> {
  const source = Buffer.from(PRELUDE + glue, 'utf8').toString('base64');
  let module: Record<string, unknown>;
  try {
    module = (await import(`data:text/javascript;base64,${source}`)) as Record<string, unknown>;
  } catch (cause) {
    throw new GuestFailure('the generated code of the component cannot be loaded', { cause });
  }
  const instantiate = module['instantiate'];
  if (typeof instantiate !== 'function') throw new GuestFailure('the generated code has no entry');
  return instantiate as Instantiate;
}
