// What a call of a large component costs: a permitted call with a fresh instance in its own process,
// against the same transpiled code instantiated afresh in this one.

import { createHash } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import { detectJail } from '../../src/base/process/detect-jail.ts';
import type { ComponentExports } from '../../src/run/sandbox/executor/component/conventions.ts';
import { makeImports } from '../../src/run/sandbox/executor/component/imports.ts';
import { type CoreModule, wasm } from '../../src/run/sandbox/executor/web-assembly.ts';
import { closedHost } from '../../src/run/sandbox/executor/guest-host.ts';
import { loggedStdio } from '../../src/run/sandbox/executor/stdio.ts';
import type { TranspiledComponent } from '../../src/run/sandbox/transpile/bundle.ts';
import { transpile } from '../../src/run/sandbox/transpile/transpile.ts';
import { createTestSandbox, permitFor, type TestSandbox, toolCall } from '../support/sandbox.ts';
import { median, type Report } from './report.ts';
import { starlingComponent } from './starling-component.ts';

const ROUNDS = 12;
const CALLS = 10;
const WARM_UP_ROUNDS = 4;
const TEXT = 'one two three';
const CONTROL = 'jco in one process, fresh instance';

/** `call-component`: p50 of a call of a StarlingMonkey component. */
export async function benchComponentCall(report: Report): Promise<void> {
  const component = await starlingComponent();
  const transpiled = await transpile(component);
  const digest = createHash('sha256').update(component).digest('hex');
  const pkg = { engine: 'component', ...transpiled, maxMemoryBytes: 0 } as const;
  const { jail } = await detectJail();
  const packages = { load: async () => pkg, prepare: async () => pkg };
  const box = await createTestSandbox({ jail, packages });
  try {
    const bare = await bareCall(transpiled);
    const [ours, theirs]: [number[], number[]] = [[], []];
    for (let round = 0; round < ROUNDS; round += 1) {
      const [one, other] = [await timeOurs(box, digest), timeBare(bare)];
      if (round < WARM_UP_ROUNDS) continue;
      ours.push(...one);
      theirs.push(...other);
    }
    report.ratio('call-component', median(ours), 'us p50', CONTROL, median(theirs));
  } finally {
    await box.sandbox.close();
  }
}

async function timeOurs(box: TestSandbox, digest: string): Promise<number[]> {
  const call = toolCall('count', { text: TEXT });
  const permit = permitFor(call, digest);
  const times: number[] = [];
  for (let index = 0; index < CALLS; index += 1) {
    const start = performance.now();
    const outcome = await box.sandbox.run(permit, call);
    times.push((performance.now() - start) * 1000);
    if (outcome.kind !== 'answered' || outcome.answer.structuredContent?.['words'] !== 3) {
      throw new Error(`wrong answer: ${JSON.stringify(outcome).slice(0, 300)}`);
    }
  }
  return times;
}

interface Operations {
  call(name: string, args: string): { readonly structured?: string };
}

interface Glue {
  instantiate(
    core: (name: string) => CoreModule,
    imports: Readonly<Record<string, object>>,
  ): ComponentExports;
}

/** A call without warder: the generated module as its users load it. */
async function bareCall({ glue, cores }: TranspiledComponent): Promise<() => string | undefined> {
  const source = Buffer.from(glue).toString('base64');
  const { instantiate } = (await import(`data:text/javascript;base64,${source}`)) as Glue;
  const modules = new Map([...cores].map(([name, bytes]) => [name, new wasm.Module(bytes)]));
  const args = JSON.stringify({ text: TEXT });
  return () => {
    const { imports } = makeImports(closedHost, loggedStdio(closedHost));
    const exports = instantiate((name) => modules.get(name) as CoreModule, imports);
    return (exports['operations'] as Operations).call('count', args).structured;
  };
}

function timeBare(call: () => string | undefined): number[] {
  const times: number[] = [];
  for (let index = 0; index < CALLS; index += 1) {
    const start = performance.now();
    const structured = call();
    times.push((performance.now() - start) * 1000);
    if (structured !== '{"words":3}') throw new Error('the control counts wrongly');
  }
  return times;
}
