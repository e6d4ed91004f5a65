// A real sandbox that packages of any kind are put through: described, called, and asked afterwards
// whether it still works.

import type { JsonObject } from '../../src/base/encoding/json.ts';
import { WarderError } from '../../src/base/errors/errors.ts';
import { createTestSandbox, defaultLimits, fixture, type TestSandbox } from '../support/sandbox.ts';
import { Finding, type Met } from './target.ts';

const MiB = 1024 ** 2;
const limits = {
  ...defaultLimits,
  timeoutMs: 250,
  memoryBytes: 8 * MiB,
  hostCalls: 50,
  logBytes: 20_000,
  outputBytes: 20_000,
};

/** Ends that are the guest's own doing, or a limit's. */
const CLEAN = new Set(['answered', 'failed', 'limit']);

export class SandboxUnderTest {
  readonly #box: TestSandbox;
  readonly #met: Met;
  readonly #plain = fixture('plain');

  private constructor(box: TestSandbox, met: Met) {
    this.#box = box;
    this.#met = met;
  }

  static async open(met: Met): Promise<SandboxUnderTest> {
    const box = await createTestSandbox({
      serve: (_, { op }) =>
        op === 'kv-get'
          ? { ok: true, value: { found: false } }
          : { ok: false, code: 'denied', message: 'not granted' },
      inspectMemoryBytes: 64 * MiB,
      pool: { maxExecutors: 4, blanks: 2 },
    });
    box.sandbox.warm();
    return new SandboxUnderTest(box, met);
  }

  /** Describes an admitted package, calls what it offers, and then something else. */
  async put(bytes: Uint8Array, engine: 'extism' | 'component'): Promise<void> {
    let tools: readonly { readonly name: string }[];
    try {
      ({ tools } = await this.#box.sandbox.inspect(bytes, engine, { unsafeNoJail: true }));
    } catch (error) {
      if (!(error instanceof WarderError) || error.code !== 'not-admitted') {
        throw new Finding('inspection threw something else than a refusal', bytes, {
          cause: error,
        });
      }
      if (/executor died|ended the executor/.test(error.message)) {
        throw new Finding('the executor died while it loaded or described', bytes, {
          cause: error,
        });
      }
      this.#met.add('not described');
      // Called all the same, by the names a package could have.
      tools = [{ name: 'f' }];
    }
    for (const { name } of tools.slice(0, 3)) await this.#call(bytes, name);
    await this.#nextCallWorks(bytes);
  }

  async #call(bytes: Uint8Array, tool: string): Promise<void> {
    const args: JsonObject = { input: 'x' };
    const outcome = await this.#box.call(bytes, tool, args, { terms: { limits } });
    this.#met.add(outcome.kind === 'limit' ? `limit ${outcome.limit}` : outcome.kind);
    if (!CLEAN.has(outcome.kind)) {
      throw new Finding(`a call of \`${tool}\` ended as ${JSON.stringify(outcome)}`, bytes);
    }
    if (outcome.usage.peakMemoryBytes > 4 * limits.memoryBytes) {
      throw new Finding(`a call took ${String(outcome.usage.peakMemoryBytes)} bytes`, bytes);
    }
  }

  async #nextCallWorks(bytes: Uint8Array): Promise<void> {
    const outcome = await this.#box.call(this.#plain, 'upper', { input: 'still here' });
    const text =
      outcome.kind === 'answered' ? JSON.stringify(outcome.answer.content) : outcome.kind;
    if (!text.includes('STILL HERE')) throw new Finding(`the next call ended as ${text}`, bytes);
  }

  close(): Promise<void> {
    return this.#box.sandbox.close();
  }
}
