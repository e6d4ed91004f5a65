// Exactly what a binary may import, per engine: names with the types of functions. What is not listed is
// refused before anything compiles the binary.

/** A module's functions with their types, `parameters -> results`. */
type Functions = ReadonlyMap<string, string>;

function functionsOf(table: Readonly<Record<string, string>>): Functions {
  return new Map(
    Object.entries(table).flatMap(([type, names]) =>
      names.split(' ').map((name) => [name, type] as const),
    ),
  );
}

/** Functions of Extism's kernel a plugin may import from `extism:host/env`. */
const EXTISM_ENV = functionsOf({
  '-> i64': 'input_length http_headers',
  '-> i32': 'http_status_code get_log_level',
  'i64 ->': 'free error_set log_trace log_debug log_info log_warn log_error',
  'i64 -> i64': 'alloc length length_unsafe load_u64 input_load_u64 config_get var_get',
  'i64 -> i32': 'load_u8 input_load_u8',
  'i64 i32 ->': 'store_u8',
  'i64 i64 ->': 'store_u64 output_set var_set',
  'i64 i64 -> i64': 'http_request',
});

/** Host functions of warder's contract, `extism:host/user`. */
const EXTISM_USER = functionsOf({
  'i64 -> i64':
    'kv_get kv_set kv_delete kv_list file_roots file_stat file_list file_read file_write',
});

/** The whole of WASI preview 1; what a call may not do is answered with an error number. */
const PREVIEW_1 = functionsOf({
  '-> i32': 'sched_yield',
  'i32 ->': 'proc_exit',
  'i32 -> i32': 'fd_close fd_datasync fd_sync proc_raise',
  'i32 i32 -> i32':
    'args_get args_sizes_get environ_get environ_sizes_get clock_res_get fd_fdstat_get ' +
    'fd_fdstat_set_flags fd_filestat_get fd_prestat_get fd_renumber fd_tell random_get sock_shutdown',
  'i32 i32 i32 -> i32':
    'fd_prestat_dir_name path_create_directory path_remove_directory path_unlink_file sock_accept',
  'i32 i32 i32 i32 -> i32': 'fd_read fd_write poll_oneoff',
  'i32 i32 i32 i32 i32 -> i32': 'path_filestat_get path_symlink sock_send',
  'i32 i32 i32 i32 i32 i32 -> i32': 'path_readlink path_rename sock_recv',
  'i32 i32 i32 i32 i32 i32 i32 -> i32': 'path_link',
  'i32 i64 -> i32': 'fd_filestat_set_size',
  'i32 i64 i32 -> i32': 'clock_time_get',
  'i32 i64 i64 -> i32': 'fd_allocate fd_fdstat_set_rights',
  'i32 i64 i64 i32 -> i32': 'fd_advise fd_filestat_set_times',
  'i32 i64 i32 i32 -> i32': 'fd_seek',
  'i32 i32 i32 i64 i32 -> i32': 'fd_pread fd_pwrite fd_readdir',
  'i32 i32 i32 i32 i64 i64 i32 -> i32': 'path_filestat_set_times',
  'i32 i32 i32 i32 i32 i64 i64 i32 i32 -> i32': 'path_open',
});

const CORE_MODULES: ReadonlyMap<string, Functions> = new Map([
  ['extism:host/env', EXTISM_ENV],
  ['extism:host/user', EXTISM_USER],
  ['wasi_snapshot_preview1', PREVIEW_1],
]);

/** Interfaces a component may import, without version. */
const INTERFACES: ReadonlySet<string> = new Set([
  'warder:tool/types',
  'warder:tool/kv',
  'warder:tool/files',
  'warder:tool/log',
  'warder:tool/config',
  'wasi:cli/environment',
  'wasi:cli/exit',
  'wasi:cli/stdin',
  'wasi:cli/stdout',
  'wasi:cli/stderr',
  'wasi:cli/terminal-input',
  'wasi:cli/terminal-output',
  'wasi:cli/terminal-stdin',
  'wasi:cli/terminal-stdout',
  'wasi:cli/terminal-stderr',
  'wasi:clocks/monotonic-clock',
  'wasi:clocks/wall-clock',
  'wasi:clocks/timezone',
  'wasi:random/random',
  'wasi:random/insecure',
  'wasi:random/insecure-seed',
  'wasi:io/error',
  'wasi:io/poll',
  'wasi:io/streams',
  'wasi:http/types',
  'wasi:http/outgoing-handler',
  'wasi:filesystem/types',
  'wasi:filesystem/preopens',
  // Imported by some toolchains whatever a program does; every use is refused.
  'wasi:sockets/instance-network',
  'wasi:sockets/network',
  'wasi:sockets/tcp',
  'wasi:sockets/tcp-create-socket',
  'wasi:sockets/udp',
  'wasi:sockets/udp-create-socket',
  'wasi:sockets/ip-name-lookup',
]);

/** The type a plugin must import this function with; undefined when it may not import it at all. */
export function coreImportType(module: string, name: string): string | undefined {
  return CORE_MODULES.get(module)?.get(name);
}

/** Whether a component may import this interface: warder's 0.1, WASI 0.2. */
export function isInterfaceAllowed(name: string): boolean {
  const at = name.indexOf('@');
  const [plain, version] = at < 0 ? [name, undefined] : [name.slice(0, at), name.slice(at + 1)];
  const wanted = plain.startsWith('warder:') ? /^0\.1\.\d{1,4}$/ : /^0\.2\.\d{1,4}$/;
  return INTERFACES.has(plain) && version !== undefined && wanted.test(version);
}

/** Every name that may be imported, for "did you mean". */
export function knownImports(): string[] {
  const core = [...CORE_MODULES].flatMap(([module, functions]) =>
    [...functions.keys()].map((name) => `${module} ${name}`),
  );
  return [...core, ...INTERFACES];
}
