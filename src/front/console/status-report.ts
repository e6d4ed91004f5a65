// What `status` and `ready` tell of a running daemon.

export interface StatusReport {
  readonly pid: number;
  readonly version: string;
  readonly uptimeSeconds: number;
  readonly home: string;
  readonly addresses: readonly string[];
  readonly assurance: string;
  /** What the level does not promise. */
  readonly notPromised: string;
  readonly jail: string;
  readonly tools: number;
  readonly policy: { readonly digest: string; readonly policies: number };
  readonly calls: { readonly served: number; readonly running: number };
  readonly log: {
    readonly origin: string;
    readonly size: number;
    readonly signedSize: number;
    readonly state: string;
  };
  readonly signer: { readonly kid: string; readonly custody: string };
  readonly executors: { readonly blank: number; readonly busy: number; readonly idle: number };
}
