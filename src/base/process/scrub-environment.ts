// Which environment variables may reach a process of ours: none that make Node or the loader do
// something else than what its command line says.

/** Read by Node, OpenSSL, libuv, glibc or the dynamic loader before any code of ours runs. */
const LOADED = /^(?:NODE_|LD_|DYLD_|UV_|OPENSSL_|SSL|GLIBC_|GCONV_PATH$|MALLOC_)/i;
/** Would send our traffic elsewhere. */
const PROXY = /_PROXY$/i;

/** Whether a variable of this name is kept from our processes. */
export function isUnsafeVariable(name: string): boolean {
  return LOADED.test(name) || PROXY.test(name);
}

/** A copy of `environment` without the variables that change how a process starts or connects. */
export function scrubEnvironment(
  environment: Readonly<Record<string, string | undefined>>,
): Record<string, string> {
  const kept = Object.create(null) as Record<string, string>;
  for (const [name, value] of Object.entries(environment)) {
    if (value !== undefined && !isUnsafeVariable(name)) kept[name] = value;
  }
  return kept;
}
