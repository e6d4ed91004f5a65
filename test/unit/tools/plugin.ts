// Runs a sample plugin straight in the Extism SDK, with working stand-ins for warder's host
// functions, so that these tests are about the tool and nothing else.

import { readFileSync } from 'node:fs';
import { createPlugin, type CallContext, type Plugin } from '@extism/extism';
import { afterAll } from 'vitest';

/** What a host function answers, before it is wrapped in `{ok}` / `{error}`. */
export type HostFunction = (request: Record<string, unknown>) => unknown;

/** Thrown by a host function to refuse. */
export class Refusal extends Error {
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

export interface Answer {
  readonly content: readonly { readonly type: string; readonly text: string }[];
  readonly structuredContent?: unknown;
  readonly isError?: boolean;
}

export interface Tool {
  describe(): Promise<readonly { readonly name: string }[]>;
  call(name: string, args: object): Promise<Answer>;
}

/** Held until the file's tests are done: the SDK opens /dev/null for WASI and wants it closed. */
const opened: Plugin[] = [];
afterAll(async () => {
  for (const plugin of opened) await plugin.close();
});

function answering(reply: HostFunction) {
  return (context: CallContext, offset: bigint): bigint => {
    try {
      const request: unknown = context.read(offset)?.json();
      return context.store(JSON.stringify({ ok: reply(request as Record<string, unknown>) }));
    } catch (error) {
      const code = error instanceof Refusal ? error.code : 'invalid';
      return context.store(JSON.stringify({ error: { code, message: String(error) } }));
    }
  };
}

/** Opens `tools/NAME/NAME.wasm` with the host functions given; `directories` through node:wasi. */
export async function openPlugin(
  name: string,
  functions: Record<string, HostFunction> = {},
  directories?: Record<string, string>,
): Promise<Tool> {
  return openPluginFile(`tools/${name}/${name}.wasm`, functions, directories);
}

/** The same for any file. */
export async function openPluginFile(
  file: string,
  functions: Record<string, HostFunction> = {},
  directories?: Record<string, string>,
): Promise<Tool> {
  const data = new Uint8Array(readFileSync(file));
  const wrapped = Object.entries(functions).map(([key, reply]) => [key, answering(reply)] as const);
  const plugin = await createPlugin(
    { wasm: [{ data }] },
    {
      functions: { 'extism:host/user': Object.fromEntries(wrapped) },
      ...(directories && { useWasi: true, allowedPaths: directories }),
    },
  );
  opened.push(plugin);
  return {
    describe: async () => (await plugin.call('describe'))?.json() as { name: string }[],
    call: async (tool, args) =>
      (
        await plugin.call('call', JSON.stringify({ arguments: args, name: tool }))
      )?.json() as Answer,
  };
}
