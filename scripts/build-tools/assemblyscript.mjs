// Compiles AssemblyScript: no runtime beyond a bump heap, `abort` goes to the SDK unless said otherwise.

import asc from 'assemblyscript/asc';

const SDK_ABORT = 'wit/sdk/assembly/host/abort';

/**
 * The module's bytes. Paths are relative to the repository root, which must be the cwd.
 *
 * @param start name to export the top-level code as, for a program.
 */
export async function compileAssemblyScript(entry, { start, abort = SDK_ABORT } = {}) {
  const files = new Map();
  let said = '';
  const { error } = await asc.main(
    [
      entry,
      '--outFile',
      'tool.wasm',
      '--runtime',
      'stub',
      '-O3',
      '--use',
      `abort=${abort}`,
      ...(start === undefined ? [] : ['--exportStart', start]),
    ],
    {
      writeFile: (name, contents) => void files.set(name, contents),
      stderr: { write: (text) => void (said += text) },
    },
  );
  if (error) throw new Error(`${entry}: ${error.message}\n${said}`);
  return Buffer.from(files.get('tool.wasm'));
}
