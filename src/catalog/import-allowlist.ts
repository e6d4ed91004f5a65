// Exactly what a binary may import, per engine. A name that is not listed is refused before anything
// compiles the binary.

/** Functions of Extism's kernel a plugin may import from `extism:host/env`. */
const EXTISM_ENV: ReadonlySet<string> = new Set([
  'alloc',
  'free',
  'length',
  'length_unsafe',
  'load_u8',
  'load_u64',
  'store_u8',
  'store_u64',
  'input_length',
  'input_load_u8',
  'input_load_u64',
  'output_set',
  'error_set',
  'config_get',
  'var_get',
  'var_set',
  'http_request',
  'http_status_code',
  'http_headers',
  'get_log_level',
  'log_trace',
  'log_debug',
  'log_info',
  'log_warn',
  'log_error',
]);

/** Host functions of warder's contract, `extism:host/user`. */
const EXTISM_USER: ReadonlySet<string> = new Set([
  'kv_get',
  'kv_set',
  'kv_delete',
  'kv_list',
  'file_roots',
  'file_stat',
  'file_list',
  'file_read',
  'file_write',
]);

/** The whole of WASI preview 1; what a call may not do is answered with an error number. */
const PREVIEW_1: ReadonlySet<string> = new Set([
  'args_get',
  'args_sizes_get',
  'environ_get',
  'environ_sizes_get',
  'clock_res_get',
  'clock_time_get',
  'fd_advise',
  'fd_allocate',
  'fd_close',
  'fd_datasync',
  'fd_fdstat_get',
  'fd_fdstat_set_flags',
  'fd_fdstat_set_rights',
  'fd_filestat_get',
  'fd_filestat_set_size',
  'fd_filestat_set_times',
  'fd_pread',
  'fd_prestat_get',
  'fd_prestat_dir_name',
  'fd_pwrite',
  'fd_read',
  'fd_readdir',
  'fd_renumber',
  'fd_seek',
  'fd_sync',
  'fd_tell',
  'fd_write',
  'path_create_directory',
  'path_filestat_get',
  'path_filestat_set_times',
  'path_link',
  'path_open',
  'path_readlink',
  'path_remove_directory',
  'path_rename',
  'path_symlink',
  'path_unlink_file',
  'poll_oneoff',
  'proc_exit',
  'proc_raise',
  'sched_yield',
  'random_get',
  'sock_accept',
  'sock_recv',
  'sock_send',
  'sock_shutdown',
]);

const CORE_MODULES: ReadonlyMap<string, ReadonlySet<string>> = new Map([
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
]);

/** Whether an Extism plugin may import this. */
export function isCoreImportAllowed(module: string, name: string): boolean {
  return CORE_MODULES.get(module)?.has(name) ?? false;
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
  const core = [...CORE_MODULES].flatMap(([module, names]) =>
    [...names].map((name) => `${module} ${name}`),
  );
  return [...core, ...INTERFACES];
}
