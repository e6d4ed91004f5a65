// A tool in JavaScript on StarlingMonkey, the engine of componentize-js: 12 MB of which each instance
// copies 9, as large as real components get. Built once, kept in .cache.

import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { componentize } from '@bytecodealliance/componentize-js';

const root = resolve(import.meta.dirname, '../..');

const WORLD = `package bench:words;
world words { export warder:tool/operations@0.1.0; }
`;

const SCRIPT = `export const operations = {
  describe: () => [{
    name: 'count',
    description: 'Counts the words of a text.',
    inputSchema: '{"type":"object","properties":{"text":{"type":"string"}},"required":["text"]}',
  }],
  call: (name, args) => {
    const words = JSON.parse(args).text.split(' ').length;
    return {
      content: [{ tag: 'text', val: String(words) }],
      structured: JSON.stringify({ words }),
      isError: false,
    };
  },
};
`;

/** The component's bytes: tool `count`, argument `text`, with everything the engine imports by default. */
export async function starlingComponent(): Promise<Uint8Array> {
  const path = join(root, '.cache', 'bench', `starling-${version()}.wasm`);
  try {
    return readFileSync(path);
  } catch {
    const made = await build();
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(`${path}.part`, made);
    renameSync(`${path}.part`, path);
    return made;
  }
}

function version(): string {
  const entry = import.meta.resolve('@bytecodealliance/componentize-js');
  const manifest = readFileSync(new URL('../package.json', entry), 'utf8');
  return (JSON.parse(manifest) as { readonly version: string }).version;
}

async function build(): Promise<Uint8Array> {
  mkdirSync(join(root, '.cache'), { recursive: true });
  const folder = mkdtempSync(join(root, '.cache', 'starling-'));
  try {
    const deps = join(folder, 'deps', 'warder-tool');
    mkdirSync(deps, { recursive: true });
    writeFileSync(join(folder, 'world.wit'), WORLD);
    const wit = readFileSync(join(root, 'wit', 'warder-tool.wit'));
    writeFileSync(join(deps, 'warder-tool.wit'), wit);
    const sourcePath = join(folder, 'count.js');
    writeFileSync(sourcePath, SCRIPT);
    const { component } = await componentize({ sourcePath, witPath: folder, worldName: 'words' });
    return component;
  } finally {
    rmSync(folder, { recursive: true });
  }
}
