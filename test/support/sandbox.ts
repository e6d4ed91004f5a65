// A sandbox over real executors for tests and benches: packages from files, permits made to measure,
// a host that is a working table of answers.

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { systemClock } from '../../src/base/clock/clock.ts';
import { canonicalBytes } from '../../src/base/encoding/jcs.ts';
import type { JsonObject } from '../../src/base/encoding/json.ts';
import { defaultLimits } from '../../src/catalog/grant.ts';
import { headerKind } from '../../src/catalog/read-component.ts';
import type { Permit, PermitTerms } from '../../src/decide/policy/permit.ts';
import type { ToolCall } from '../../src/decide/request/tool-call.ts';
import type { Package } from '../../src/run/sandbox/executor/engine.ts';
import type { HostCalls, HostReply, HostRequest } from '../../src/run/sandbox/host-calls.ts';
import type { RunOptions, RunOutcome } from '../../src/run/sandbox/runner.ts';
import { transpile } from '../../src/run/sandbox/transpile/transpile.ts';
import { createSandbox, type Sandbox, type SandboxOptions } from '../../src/run/sandbox/sandbox.ts';
import { executorBundle } from './process-bundle.ts';
import { reachPermit } from './reach-permit.ts';

export { defaultLimits };

/** The bytes of `test/fixtures/wasm/NAME.wasm`. */
export function fixture(name: string): Uint8Array {
  return readFileSync(resolve(import.meta.dirname, `../fixtures/wasm/${name}.wasm`));
}

export interface TestSandbox {
  readonly sandbox: Sandbox;
  /** Makes bytes a package and gives its digest. */
  add(wasm: Uint8Array): string;
  /** Runs one operation of a package under a permit made for exactly that. */
  call(
    wasm: Uint8Array,
    tool: string,
    args: JsonObject,
    more?: { readonly terms?: Partial<PermitTerms> } & RunOptions,
  ): Promise<RunOutcome>;
}

export type Serve = (
  permit: Permit,
  request: HostRequest,
  signal: AbortSignal,
) => HostReply | Promise<HostReply>;

export const deny: Serve = () => ({ ok: false, code: 'denied', message: 'not granted' });

/** Close `sandbox` when done. */
export async function createTestSandbox(
  options: Partial<Omit<SandboxOptions, 'hostCalls'>> & { readonly serve?: Serve } = {},
): Promise<TestSandbox> {
  const { serve = deny, ...more } = options;
  const packages = new Map<string, Uint8Array>();
  const hostCalls: HostCalls = {
    serve: async (permit, request, signal) => serve(permit, request, signal),
  };
  const sandbox = createSandbox({
    executorPath: await executorBundle(),
    hostCalls,
    clock: systemClock,
    packages: {
      load: (digest) => {
        const wasm = packages.get(digest);
        if (wasm === undefined) return Promise.reject(new Error(`no package ${digest}`));
        return packageOf(wasm);
      },
      prepare: packageOf,
    },
    ...more,
  });
  const add = (wasm: Uint8Array): string => {
    const digest = createHash('sha256').update(wasm).digest('hex');
    if (!packages.has(digest)) packages.set(digest, wasm);
    return digest;
  };
  return {
    sandbox,
    add,
    call: (wasm, tool, args, { terms, ...runOptions } = {}) => {
      const call = toolCall(tool, args);
      const permit = permitFor(call, add(wasm), {
        unsafeNoJail: more.jail === undefined,
        ...terms,
      });
      return sandbox.run(permit, call, runOptions);
    },
  };
}

/** Components are transpiled once in a test process. */
const transpiled = new WeakMap<Uint8Array, ReturnType<typeof transpile>>();

async function packageOf(wasm: Uint8Array): Promise<Package> {
  const { memoryBytes: maxMemoryBytes } = defaultLimits;
  if (headerKind(wasm) !== 'component') return { engine: 'extism', wasm, maxMemoryBytes };
  const made = transpiled.get(wasm) ?? transpile(wasm);
  transpiled.set(wasm, made);
  return { engine: 'component', ...(await made), maxMemoryBytes };
}

export function toolCall(tool: string, args: JsonObject): ToolCall {
  const argumentBytes = canonicalBytes(args);
  const digest = createHash('sha256')
    .update(canonicalBytes({ arguments: args, tool }))
    .digest('hex');
  return { tool, arguments: args, argumentBytes, digest };
}

export function permitFor(
  call: ToolCall,
  packageDigest: string,
  terms: Partial<PermitTerms> = {},
): Permit {
  return reachPermit({
    callId: 'call_test',
    principal: 'agent:test',
    tool: call.tool,
    callDigest: call.digest,
    installation: { id: 'inst_test', name: 'test', digest: packageDigest },
    unsafeNoJail: true,
    limits: defaultLimits,
    expiresAt: Number.MAX_SAFE_INTEGER,
    ...terms,
  });
}
