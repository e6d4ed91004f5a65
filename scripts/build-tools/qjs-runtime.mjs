// A QuickJS runtime whose snapshot is the same on every build.
//
// componentize-qjs starts the runtime at build time and keeps its memory. During that start the
// runtime asks for a random seed and for the time, so two builds differ in a few hundred bytes.
// Here the runtime is taken out of the package's binary (it lies there uncompressed), and its
// three sources of chance are answered with constants until the first export is called; from
// then on the host is asked as before.

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { createHash } from 'node:crypto';
import binaryen from 'binaryen';

/** SHA-256 of the non-async, size-optimised runtime in componentize-qjs 0.4.5. */
const RUNTIME = '51bced91769e0a3cb8bc288d230675b03fca8f97b42723b9f9f1702e6903b6f7';

const MAGIC = Buffer.from([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 0]);

/** Path of the native binding the package would load on this platform. */
function bindingPath() {
  const require = createRequire(createRequire(import.meta.url).resolve('componentize-qjs'));
  const { platform, arch } = process;
  const suffix = {
    linux: `linux-${arch}-gnu`,
    darwin: `darwin-${arch}`,
    win32: `win32-${arch}-msvc`,
  }[platform];
  const folder = dirname(
    require.resolve(`@andreiltd/componentize-qjs-binding-${suffix}/package.json`),
  );
  return join(folder, `componentize-qjs.${suffix}.node`);
}

function leb(bytes, at) {
  let value = 0;
  let scale = 1;
  for (;;) {
    const byte = bytes[at++];
    value += (byte & 127) * scale;
    scale *= 128;
    if (byte < 128) return [value, at];
  }
}

/** Where the module that begins at `start` ends: past its last well-formed section. */
function moduleEnd(bytes, start) {
  let at = start + 8;
  while (at < bytes.length && bytes[at] <= 13) {
    const [size, body] = leb(bytes, at + 1);
    if (size === 0 || body + size > bytes.length) break;
    if (bytes[at] === 0) {
      const [length, name] = leb(bytes, body);
      const text = bytes.toString('latin1', name, name + length);
      if (length === 0 || length >= size || !/^[ -~]+$/.test(text)) break;
    }
    at = body + size;
  }
  return at;
}

/** The untouched runtime. */
function runtime() {
  const bytes = readFileSync(bindingPath());
  for (let at = bytes.indexOf(MAGIC); at >= 0; at = bytes.indexOf(MAGIC, at + 1)) {
    const module = bytes.subarray(at, moduleEnd(bytes, at));
    if (createHash('sha256').update(module).digest('hex') === RUNTIME) return module;
  }
  throw new Error('the QuickJS runtime of componentize-qjs is not the one this script knows');
}

/** The runtime with constant seed and time until the guest is live. */
export function frozenRuntime() {
  const module = binaryen.readBinaryWithFeatures(runtime(), binaryen.Features.All);
  module.setFeatures(binaryen.Features.All);
  const { i32 } = binaryen;
  module.addGlobal('guest_live', i32, true, module.i32.const(0));

  const imports = new Map();
  for (let i = 0; i < module.getNumFunctions(); i += 1) {
    const info = binaryen.getFunctionInfo(module.getFunctionByIndex(i));
    if (info.module) imports.set(`${info.module.replace(/@.*/, '')}#${info.base}`, info);
  }
  const freeze = (name, constant) => {
    const info = imports.get(name);
    const real = `real ${name}`;
    module.removeFunction(info.name);
    module.addFunctionImport(real, info.module, info.base, info.params, info.results);
    const args = binaryen.expandType(info.params).map((type, i) => module.local.get(i, type));
    const live = module.call(real, args, info.results);
    const body = module.if(module.global.get('guest_live', i32), live, constant);
    module.addFunction(info.name, info.params, info.results, [], body);
  };
  const put = (offset, value) =>
    module.i64.store(offset, 8, module.local.get(0, i32), module.i64.const(value));
  freeze('wasi:random/insecure-seed#insecure-seed', module.block(null, [put(0, 1n), put(8, 2n)]));
  freeze('wasi:clocks/monotonic-clock#now', module.i64.const(1n));
  freeze(
    'wasi:clocks/wall-clock#now',
    module.block(null, [
      put(0, 0n),
      module.i32.store(8, 4, module.local.get(0, i32), module.i32.const(0)),
    ]),
  );

  const entry = module.getFunction(
    binaryen.getExportInfo(module.getExport('wit_dylib_export_start')).value,
  );
  const { body, results } = binaryen.getFunctionInfo(entry);
  const live = module.global.set('guest_live', module.i32.const(1));
  binaryen.Function.setBody(entry, module.block(null, [live, body], results));
  if (!module.validate()) throw new Error('the patched QuickJS runtime does not validate');
  const out = Buffer.from(module.emitBinary());
  module.dispose();
  return out;
}
