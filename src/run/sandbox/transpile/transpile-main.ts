// Process entry: reads one component on stdin, answers its transpiled form on stdout, ends. It never
// runs a guest; it runs with `--permission` and reads nothing but jco's generator.

import { registerHooks } from 'node:module';
import { readFileSync, writeSync } from 'node:fs';
import { asWarderError, WarderError } from '../../../base/errors/errors.ts';
import { readComponentExports } from './component-exports.ts';
import { encodeBundle, type TranspiledComponent } from './bundle.ts';
import { shapeOf } from './shape.ts';

/** The generator's module, typed as far as it is used. */
interface Generator {
  readonly $init: Promise<void>;
  generate(
    component: Uint8Array,
    options: Readonly<Record<string, unknown>>,
  ): { readonly files: readonly (readonly [string, Uint8Array])[] };
}

const SHIM = '@bytecodealliance/preview2-shim/';

async function loadGenerator(): Promise<Generator> {
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  const standIn = new URL(`./preview2.${extension}`, import.meta.url).href;
  registerHooks({
    resolve: (specifier, context, next) =>
      specifier.startsWith(SHIM) ? { url: standIn, shortCircuit: true } : next(specifier, context),
  });
  const [url] = process.argv.slice(2);
  if (url === undefined) throw new WarderError('internal', 'started without its generator');
  const generator = (await import(url)) as Generator;
  await generator.$init;
  return generator;
}

async function transpile(component: Uint8Array): Promise<TranspiledComponent> {
  const shape = JSON.stringify(shapeOf(readComponentExports(component)));
  const { generate } = await loadGenerator();
  const { files } = generateOrRefuse(generate, component);
  const cores = new Map(files.filter(([name]) => name.endsWith('.wasm')));
  const glue = files.find(([name]) => name.endsWith('.js'))?.[1];
  if (glue === undefined) throw new WarderError('internal', 'the generator gave no code');
  return { glue: new TextDecoder().decode(glue), cores, shape };
}

function generateOrRefuse(
  generate: Generator['generate'],
  component: Uint8Array,
): ReturnType<Generator['generate']> {
  try {
    return generate(component, {
      name: 'component',
      instantiation: { tag: 'sync' },
      noTypescript: true,
      noNodejsCompat: true,
      noNamespacedExports: false,
      noComponentErrorWrapping: false,
      base64Cutoff: 0,
      // The optimisation would skip the checks of what a guest hands over.
      validLiftingOptimization: false,
      tracing: false,
    });
  } catch (cause) {
    const payload = (cause as { readonly payload?: unknown }).payload;
    const reason = typeof payload === 'string' ? payload : String(cause);
    throw new WarderError(
      'not-admitted',
      `the component cannot be transpiled: ${reason.slice(0, 400)}`,
      {
        hint: 'build it for WASI 0.2 with a current toolchain',
      },
    );
  }
}

function answer(bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length;) at += writeSync(1, bytes, at);
}

try {
  answer(encodeBundle(await transpile(new Uint8Array(readFileSync(0)))));
} catch (thrown) {
  const error = asWarderError(thrown);
  answer(new TextEncoder().encode(JSON.stringify({ error: error.toJSON() })));
}
