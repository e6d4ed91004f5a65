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
    /** How many of the witnesses have to have seen a checkpoint; 0 when there are none. */
    readonly quorum: number;
    readonly witnesses: readonly WitnessReport[];
  };
  readonly signer: { readonly kid: string; readonly custody: string };
  readonly executors: { readonly blank: number; readonly busy: number; readonly idle: number };
}

/** How it is with a witness of the log. */
export interface WitnessReport {
  readonly name: string;
  /** Leaves of the last head it cosigned. */
  readonly size: number;
  /** By its clock; absent before the first. */
  readonly time?: string;
  /** What was wrong when it was last asked. */
  readonly trouble?: string;
}
