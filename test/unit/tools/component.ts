// Runs a component through jco's transpiler with stand-ins for everything it imports, so that
// these tests are about the component and nothing else.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { transpileBytes } from '@bytecodealliance/jco-transpile';

/** What the guest asked the network for. */
export interface HttpRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** What it is told: a response, or an error of wasi:http. */
export type HttpReply = HttpResponse | { readonly error: { readonly tag: string } };

export interface HttpResponse {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

export interface Content {
  readonly tag: 'text' | 'image' | 'audio';
  readonly val: string;
}

interface ToolExports {
  describe(): {
    readonly name: string;
    readonly description: string;
    readonly inputSchema: string;
    readonly outputSchema?: string;
  }[];
  call(
    name: string,
    args: string,
  ): { readonly content: Content[]; readonly structured?: string; readonly isError: boolean };
}

export interface Component {
  /** Every interface and function the component exports. */
  readonly exports: Readonly<Record<string, unknown>>;
  /** Interfaces it imports. */
  readonly imports: readonly string[];
  readonly operations: ToolExports;
  /** Bytes the guest wrote to stdout and stderr. */
  readonly printed: () => string;
}

/** Node's type library has no WebAssembly. */
const { Module } = (
  globalThis as unknown as { WebAssembly: { Module: new (bytes: Uint8Array) => object } }
).WebAssembly;

class Refused extends Error {
  readonly payload: unknown;

  constructor(payload: unknown) {
    super('refused');
    this.payload = payload;
  }
}

class Pollable {
  ready(): boolean {
    return true;
  }
  block(): void {}
}

class InputStream {
  #left: Uint8Array;

  constructor(data: Uint8Array) {
    this.#left = data;
  }
  read(length: bigint): Uint8Array {
    if (this.#left.length === 0) throw new Refused({ tag: 'closed' });
    const taken = this.#left.subarray(0, Number(length));
    this.#left = this.#left.subarray(taken.length);
    return taken;
  }
  blockingRead(length: bigint): Uint8Array {
    return this.read(length);
  }
  subscribe(): Pollable {
    return new Pollable();
  }
}

class OutputStream {
  readonly #sink: (data: Uint8Array) => void;

  constructor(sink: (data: Uint8Array) => void) {
    this.#sink = sink;
  }
  checkWrite(): bigint {
    return 65536n;
  }
  write(data: Uint8Array): void {
    this.#sink(data);
  }
  blockingWriteAndFlush(data: Uint8Array): void {
    this.#sink(data);
  }
  blockingFlush(): void {}
  subscribe(): Pollable {
    return new Pollable();
  }
}

class Fields {
  readonly list: [string, Uint8Array][] = [];

  static fromList(list: [string, Uint8Array][]): Fields {
    const fields = new Fields();
    fields.list.push(...list);
    return fields;
  }
  entries(): [string, Uint8Array][] {
    return this.list;
  }
  get(name: string): Uint8Array[] {
    return this.list.filter(([key]) => key.toLowerCase() === name).map(([, value]) => value);
  }
}

const decoder = new TextDecoder();

class OutgoingBody {
  text = '';

  write(): OutputStream {
    return new OutputStream((data) => {
      this.text += decoder.decode(data);
    });
  }
  static finish(): void {}
}

class OutgoingRequest {
  method = 'GET';
  scheme = 'HTTP';
  authority = '';
  path = '/';
  readonly fields: Fields;
  readonly sink: OutgoingBody = new OutgoingBody();

  constructor(fields: Fields) {
    this.fields = fields;
  }
  body(): OutgoingBody {
    return this.sink;
  }
  setMethod(method: { tag: string }): void {
    this.method = method.tag.toUpperCase();
  }
  setScheme(scheme?: { tag: string }): void {
    this.scheme = scheme?.tag ?? 'HTTP';
  }
  setAuthority(authority?: string): void {
    this.authority = authority ?? '';
  }
  setPathWithQuery(path?: string): void {
    this.path = path ?? '/';
  }
}

class IncomingBody {
  readonly #data: Uint8Array;

  constructor(data: Uint8Array) {
    this.#data = data;
  }
  stream(): InputStream {
    return new InputStream(this.#data);
  }
  static finish(): void {}
}

class IncomingResponse {
  readonly #reply: HttpResponse;

  constructor(reply: HttpResponse) {
    this.#reply = reply;
  }
  status(): number {
    return this.#reply.status;
  }
  headers(): Fields {
    const entries = Object.entries(this.#reply.headers ?? {});
    return Fields.fromList(entries.map(([name, value]) => [name, Buffer.from(value)]));
  }
  consume(): IncomingBody {
    return new IncomingBody(Buffer.from(this.#reply.body ?? ''));
  }
}

class FutureIncomingResponse {
  readonly #reply: HttpReply;

  constructor(reply: HttpReply) {
    this.#reply = reply;
  }
  subscribe(): Pollable {
    return new Pollable();
  }
  get(): unknown {
    const inner =
      'error' in this.#reply
        ? { tag: 'err', val: this.#reply.error }
        : { tag: 'ok', val: new IncomingResponse(this.#reply) };
    return { tag: 'ok', val: inner };
  }
}

/** A class for an imported resource that the component never makes. */
class Unused {
  [Symbol.dispose](): void {}
}

/** The interface with every function it lacks refusing to be called. */
function whole(functions: object): object {
  return new Proxy(functions, {
    get: (target, name) =>
      Object.hasOwn(target, name)
        ? (Reflect.get(target, name) as unknown)
        : () => {
            throw new Refused({ code: 'denied', message: `${String(name)} is not offered here` });
          },
  });
}

function stand(
  fetch: (request: HttpRequest) => HttpReply,
  print: (data: Uint8Array) => void,
): Record<string, object> {
  const stdout = (): OutputStream => new OutputStream(print);
  return {
    'warder:tool/config': { get: () => undefined },
    'warder:tool/log': { write: () => undefined },
    'warder:tool/kv': {},
    'warder:tool/files': { roots: () => [] },
    'wasi:cli/environment': { getEnvironment: () => [], getArguments: () => [] },
    'wasi:cli/exit': {
      exit: () => {
        throw new Error('exit');
      },
    },
    'wasi:cli/stdin': { getStdin: () => new InputStream(new Uint8Array()) },
    'wasi:cli/stdout': { getStdout: stdout },
    'wasi:cli/stderr': { getStderr: stdout },
    'wasi:cli/terminal-input': { TerminalInput: Unused },
    'wasi:cli/terminal-output': { TerminalOutput: Unused },
    'wasi:cli/terminal-stdin': { getTerminalStdin: () => undefined },
    'wasi:cli/terminal-stdout': { getTerminalStdout: () => undefined },
    'wasi:cli/terminal-stderr': { getTerminalStderr: () => undefined },
    'wasi:clocks/monotonic-clock': { now: () => 5n, subscribeDuration: () => new Pollable() },
    'wasi:clocks/wall-clock': { now: () => ({ seconds: 1_700_000_000n, nanoseconds: 0 }) },
    'wasi:filesystem/types': { Descriptor: Unused },
    'wasi:filesystem/preopens': { getDirectories: () => [] },
    'wasi:http/outgoing-handler': {
      handle: (request: OutgoingRequest) =>
        new FutureIncomingResponse(
          fetch({
            method: request.method,
            url: `${request.scheme.toLowerCase()}://${request.authority}${request.path}`,
            headers: Object.fromEntries(
              request.fields.list.map(([name, value]) => [name, decoder.decode(value)]),
            ),
            body: request.sink.text,
          }),
        ),
    },
    'wasi:http/types': {
      Fields,
      FutureIncomingResponse,
      FutureTrailers: Unused,
      IncomingBody,
      IncomingRequest: Unused,
      IncomingResponse,
      OutgoingBody,
      OutgoingRequest,
      OutgoingResponse: Unused,
      RequestOptions: Unused,
      ResponseOutparam: Unused,
    },
    'wasi:io/error': { Error: Unused },
    'wasi:io/poll': { Pollable, poll: (list: unknown[]) => list.map((_, i) => i) },
    'wasi:io/streams': { InputStream, OutputStream },
    'wasi:random/random': { getRandomBytes: (n: bigint) => new Uint8Array(Number(n)).fill(7) },
    'wasi:random/insecure-seed': { insecureSeed: () => [3n, 4n] },
  };
}

/** Opens a component file; `fetch` answers its HTTP requests. */
export async function openComponent(
  file: string,
  fetch: (request: HttpRequest) => HttpReply = () => ({ error: { tag: 'HTTP-request-denied' } }),
): Promise<Component> {
  const { files, imports: needed } = await transpileBytes(readFileSync(file), {
    name: 'tool',
    instantiation: 'sync',
  });
  const folder = mkdtempSync(join(tmpdir(), 'component-'));
  try {
    const modules = new Map<string, object>();
    for (const [name, data] of Object.entries(files)) {
      if (name.endsWith('.wasm')) modules.set(name, new Module(data));
    }
    const glue = join(folder, 'tool.mjs');
    writeFileSync(glue, files['tool.js'] ?? '');
    const loaded = (await import(pathToFileURL(glue).href)) as {
      instantiate(get: (name: string) => unknown, imports: object): Record<string, unknown>;
    };
    let printed = '';
    const offered = stand(fetch, (data) => {
      printed += decoder.decode(data);
    });
    const imports = Object.fromEntries(
      Object.entries(offered).map(([name, functions]) => [name, whole(functions)]),
    );
    const exports = loaded.instantiate((name) => modules.get(name), imports);
    return {
      exports,
      imports: needed,
      operations: exports['operations'] as ToolExports,
      printed: () => printed,
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
