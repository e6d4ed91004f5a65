// node:crypto where there is Node. Asked for by name at run time: rooms that run without Node stay so.

/** The parts of it that are used. */
interface NodeCrypto {
  createPublicKey(key: {
    readonly key: Uint8Array;
    readonly format: 'der';
    readonly type: 'spki';
  }): object;
  verify(
    hash: string | null,
    message: Uint8Array,
    key: { readonly key: object; readonly dsaEncoding: 'ieee-p1363' },
    signature: Uint8Array,
  ): boolean;
  hash(algorithm: 'sha256', data: Uint8Array | string, form: 'hex' | 'base64url'): string;
  hash(algorithm: 'sha256', data: Uint8Array | string, form: 'buffer'): Uint8Array;
}

/** Undefined in a browser. */
export const nodeCrypto: NodeCrypto | undefined = (
  globalThis as {
    readonly process?: { getBuiltinModule?: (name: string) => NodeCrypto | undefined };
  }
).process?.getBuiltinModule?.('node:crypto');
