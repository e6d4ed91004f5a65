// Imported before everything else in the executor: takes away what no engine needs.

import { setFlagsFromString } from 'node:v8';

const api = (globalThis as unknown as { WebAssembly: Record<string, unknown> }).WebAssembly;

// With JavaScript promise integration in place the Extism SDK would put its own `fetch` under a
// guest's http_request; without it the function we hand in stays.
delete api['promising'];
delete api['Suspending'];

/** What could open a way out of the process; `--permission` denies most of it again. */
for (const name of ['fetch', 'WebSocket', 'EventSource', 'Worker', 'BroadcastChannel']) {
  Reflect.deleteProperty(globalThis, name);
}

// The SDK asks of everything it is given whether it is a Response; Node's own is loaded at first
// sight, with a whole HTTP client behind it.
Object.defineProperty(globalThis, 'Response', { value: function Response(): void {} });

const collect = (globalThis as { readonly gc?: () => void }).gc;
Reflect.deleteProperty(globalThis, 'gc');

/** Frees what ended guests left: their memories live until the collector meets them. */
export function collectGarbage(): void {
  collect?.();
}

/** Lowers the most memory one WebAssembly memory may have from here on. */
export function limitWasmMemory(bytes: number): void {
  setFlagsFromString(`--wasm-max-mem-pages=${Math.max(1, Math.floor(bytes / 65_536))}`);
}
