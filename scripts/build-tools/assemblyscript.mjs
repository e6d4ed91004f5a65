// Compiles an AssemblyScript plugin: no runtime beyond a bump heap, `abort` goes to the SDK.

import asc from 'assemblyscript/asc';

/** The module's bytes. `entry` is relative to the repository root, which must be the cwd. */
export async function compileAssemblyScript(entry) {
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
      'abort=wit/sdk/assembly/host/abort',
    ],
    {
      writeFile: (name, contents) => void files.set(name, contents),
      stderr: { write: (text) => void (said += text) },
    },
  );
  if (error) throw new Error(`${entry}: ${error.message}\n${said}`);
  return Buffer.from(files.get('tool.wasm'));
}
