// The part of wasi:http@0.2 this tool uses, as componentize-qjs shows it to scripts.

declare module 'wasi:http/types@0.2.12' {
  export interface InputStream {
    blockingRead(length: number): Uint8Array | number[];
  }
  export interface IncomingResponse {
    status(): number;
    headers(): Fields;
    consume(): { stream(): InputStream };
  }
  export type ErrorCode = { readonly tag: string; readonly val?: unknown };
  type Result<T, E> = { readonly tag: 'ok'; readonly val: T } | { readonly tag: 'err'; readonly val: E };
  export interface FutureIncomingResponse {
    subscribe(): { block(): void };
    get(): Result<Result<IncomingResponse, ErrorCode>, undefined> | null;
  }
  export class Fields {
    static fromList(entries: [string, Uint8Array][]): Fields;
    get(name: string): (Uint8Array | number[])[];
  }
  export class OutgoingRequest {
    constructor(headers: Fields);
    setMethod(method: { readonly tag: string }): void;
    setScheme(scheme: { readonly tag: 'HTTP' | 'HTTPS' } | null): void;
    setAuthority(authority: string | null): void;
    setPathWithQuery(path: string | null): void;
  }
  const types: { Fields: typeof Fields; OutgoingRequest: typeof OutgoingRequest };
  export default types;
}

declare module 'wasi:http/outgoing-handler@0.2.12' {
  import type { FutureIncomingResponse, OutgoingRequest } from 'wasi:http/types@0.2.12';
  const handler: { handle(request: OutgoingRequest, options: null): FutureIncomingResponse };
  export default handler;
}
