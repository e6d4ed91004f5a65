// WASI preview 1 for the guests of an executor, in the place where the Extism SDK expects `node:wasi`.

/** Of the shape of `node:wasi`'s class, as far as the SDK uses it. */
export class WASI {
  readonly wasiImport: Record<string, (...values: never[]) => number> = {};

  initialize(_instance: object): void {}

  start(_instance: object): void {}
}
