// Loads Cedar's WebAssembly once, when it is first wanted. Everything after that is synchronous and pure.

/** The functions of the Cedar project's own package. */
export type Cedar = typeof import('@cedar-policy/cedar-wasm/nodejs');

let loading: Promise<Cedar> | undefined;

/** Cedar, compiled on first use (tens of milliseconds). */
export function loadCedar(): Promise<Cedar> {
  loading ??= import('@cedar-policy/cedar-wasm/nodejs');
  return loading;
}
