// The parts of the WebAssembly JavaScript interface the engines use; the type library for Node has none.

/** A compiled core module. */
export interface CoreModule {
  readonly [tag]: 'module';
}
declare const tag: unique symbol;

export interface CoreInstance {
  readonly exports: Readonly<Record<string, unknown>>;
}

export interface CoreMemory {
  readonly buffer: ArrayBuffer;
}

export interface ExportDescriptor {
  readonly name: string;
  readonly kind: 'function' | 'memory' | 'table' | 'global' | 'tag';
}

interface WebAssemblyApi {
  readonly Module: {
    new (bytes: Uint8Array): CoreModule;
    exports(module: CoreModule): ExportDescriptor[];
  };
  readonly Instance: new (module: CoreModule, imports: object) => CoreInstance;
  readonly Memory: new (descriptor: object) => CoreMemory;
  readonly RuntimeError: new (message: string) => Error;
}

export const wasm: WebAssemblyApi = (
  globalThis as unknown as { readonly WebAssembly: WebAssemblyApi }
).WebAssembly;
