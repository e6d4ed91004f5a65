// What a process of ours is to be shut into, and what the host has to do it with.

/** The program that closes the last door. */
export type JailKind = 'bubblewrap' | 'unshare';

/** The better one first. */
export const jailKinds: readonly JailKind[] = ['bubblewrap', 'unshare'];

/** What a receipt says of a process: the program that jailed it, or that none did. */
export type JailName = JailKind | 'none';

/** Bounds the kernel keeps on a jailed process; what is absent is not bounded. */
export interface JailLimits {
  /** Private writable memory of the process, touched or not, bytes. */
  readonly dataBytes?: number;
  readonly openFiles?: number;
  /** Processes and threads in the jail; counted per jail where the process has a user of its own. */
  readonly processes?: number;
  /** Largest file it may write, bytes. */
  readonly fileBytes?: number;
}

/** What a process sees of the host and may use of it. */
export interface JailPlan {
  /** `none`: a network namespace without any interface that is up. */
  readonly network: 'none' | 'host';
  readonly filesystem:
    /**
     * Node, its libraries, the entry and these files and directories, read-only. Nothing else. The
     * process runs as nobody, without capabilities.
     */
    | { readonly kind: 'minimal'; readonly readable: readonly string[] }
    /**
     * Everything as on the host, but these files and directories are empty, devices are few and
     * processes are its own. The process keeps the user; of root only what reaches others' files.
     */
    | { readonly kind: 'host'; readonly hidden: readonly string[] };
  readonly limits: JailLimits;
}

/** A way to jail that was tried on this host and works. */
export interface Jail {
  readonly kind: JailKind;
  readonly tools: JailTools;
  /** Layers seen to be on when a process was started in it. */
  readonly layers: readonly JailLayer[];
}

/** Absolute paths of the programs that build a jail. */
export interface JailTools {
  readonly shell: string;
  readonly mount: string;
  readonly mkdir: string;
  readonly setpriv: string;
  readonly prlimit: string;
  readonly unshare: string;
  /** Absent where it is not installed. */
  readonly bwrap?: string;
  /** Whether the tools are run by root. */
  readonly asRoot: boolean;
  /** Bounds on processes count those of one jail only (Linux 5.14). */
  readonly countsPerJail: boolean;
}

/** What can be on, each on its own; `config.jail.require` names them. */
export const jailLayers = [
  'bubblewrap',
  'mount-namespace',
  'pid-namespace',
  'network-namespace',
  'ipc-namespace',
  'uts-namespace',
  'cgroup-namespace',
  'user-namespace',
  'unprivileged-user',
  'no-capabilities',
  'no-new-privs',
  'no-nested-user-namespaces',
  'minimal-root',
  'rlimits',
  'seccomp',
] as const;

export type JailLayer = (typeof jailLayers)[number];

/** The jail of one process. */
export interface Jailing extends JailPlan {
  readonly jail: Jail;
}
