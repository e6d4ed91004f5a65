// Admission: what is known about a binary before anything compiles it, or why it is refused.

import { createHash } from 'node:crypto';
import { WarderError } from '../base/errors/errors.ts';
import { refusedName } from './component-names.ts';
import { coreImportType, isInterfaceAllowed, knownImports } from './import-allowlist.ts';
import type { Engine } from './installation.ts';
import { CAPS, tooMany } from './module-caps.ts';
import { didYouMean, showText } from './names.ts';
import { headerKind, readComponent } from './read-component.ts';
import { type CoreImport, readModule, type ModuleFacts } from './read-module.ts';

/** A binary that may be compiled. */
export interface Admitted {
  readonly engine: Engine;
  /** SHA-256 of the exact bytes, hex. */
  readonly digest: string;
  readonly size: number;
  /** What it imports, sorted: `module name` of a plugin, interfaces of a component. */
  readonly imports: readonly string[];
  /** Bytes of memory it starts with at least. */
  readonly minimumMemory: number;
}

export interface AdmissionLimits {
  /** Bytes of the file. */
  readonly fileBytes: number;
  /** Bytes of memory it may start with. */
  readonly memoryBytes: number;
}

const MiB = 1024 ** 2;

const defaultAdmission: AdmissionLimits = { fileBytes: 64 * MiB, memoryBytes: 4096 * MiB };

/** Export names of a plugin. */
const EXPORT_NAME = /^[A-Za-z0-9_$.:@/#[\]-]{1,128}$/;
const PAGE = 65_536;

/**
 * Decides from the bytes alone whether a package may be compiled.
 *
 * @throws WarderError `not-admitted` naming what stands against it and the remedy.
 */
export function admit(bytes: Uint8Array, limits: AdmissionLimits = defaultAdmission): Admitted {
  if (bytes.length > limits.fileBytes) {
    throw new WarderError(
      'not-admitted',
      `the file is larger than ${String(limits.fileBytes / MiB)} MiB`,
      {
        hint: 'strip debug information, or build with size optimisation',
      },
    );
  }
  const kind = headerKind(bytes);
  if (kind === undefined) throw unknownFormat(bytes);
  const facts = kind === 'module' ? admitModule(bytes) : admitComponent(bytes);
  if (facts.minimumMemory > limits.memoryBytes) {
    throw new WarderError(
      'not-admitted',
      `it starts with ${String(facts.minimumMemory / MiB)} MiB of memory`,
      {
        hint: `at most ${String(limits.memoryBytes / MiB)} MiB are allowed; build it with a smaller initial memory`,
      },
    );
  }
  const digest = createHash('sha256').update(bytes).digest('hex');
  return { ...facts, digest, size: bytes.length };
}

type Facts = Pick<Admitted, 'engine' | 'imports' | 'minimumMemory'>;

function unknownFormat(bytes: Uint8Array): WarderError {
  const text = new TextDecoder().decode(bytes.subarray(0, 512)).trimStart();
  const isText =
    text.startsWith('(module') || text.startsWith('(component') || text.startsWith(';;');
  return new WarderError('not-admitted', 'the file is no WebAssembly module or component', {
    hint: isText
      ? 'this is the text format; assemble it first, for example with `wasm-tools parse`'
      : 'give the `.wasm` file itself, of WebAssembly 1 or of the component model',
  });
}

function admitModule(bytes: Uint8Array): Facts {
  const facts = readModule(bytes);
  const imports = new Set<string>();
  for (const each of facts.imports) {
    checkImport(each);
    imports.add(`${each.module} ${each.name}`);
  }
  for (const { name } of facts.exports) {
    if (!EXPORT_NAME.test(name) || name === '__proto__') throw refusedName(name);
  }
  return { engine: 'extism', imports: [...imports].sort(), minimumMemory: startMemory([facts]) };
}

function checkImport({ module, name, kind, type }: CoreImport): void {
  const wanted = kind === 'function' ? coreImportType(module, name) : undefined;
  if (wanted === undefined) {
    throw refusedImport(`${module} ${name}`, kind === 'function' ? '' : ` (a ${kind})`);
  }
  if (type === wanted) return;
  throw new WarderError(
    'not-admitted',
    `it imports \`${module} ${name}\` as \`${showText(type ?? '', 80)}\`, but it is \`${wanted}\``,
    { hint: 'build it with a current plug-in kit, or mend the declaration of the function' },
  );
}

function admitComponent(bytes: Uint8Array): Facts {
  const { imports, modules } = readComponent(bytes);
  for (const name of imports) if (!isInterfaceAllowed(name)) throw refusedImport(name, '');
  const elements = modules
    .flatMap(({ tables }) => tables)
    .reduce((sum, { minimum }) => sum + minimum, 0);
  if (elements > CAPS.tableElements) throw tooMany('table elements', CAPS.tableElements);
  return {
    engine: 'component',
    imports: [...new Set(imports)].sort(),
    minimumMemory: startMemory(modules),
  };
}

function startMemory(modules: readonly ModuleFacts[]): number {
  return modules
    .flatMap(({ memories }) => memories)
    .reduce((sum, { minimum }) => sum + minimum * PAGE, 0);
}

function refusedImport(name: string, note: string): WarderError {
  const near = didYouMean(name, knownImports());
  return new WarderError(
    'not-admitted',
    `it imports \`${showText(name, 120)}\`${note}, which warder does not offer`,
    {
      hint:
        near === undefined || name.startsWith('wasi:')
          ? 'see `docs/tool-contract.md` for what a tool may import; threads and processes are never offered'
          : `did you mean \`${near}\`? \`docs/tool-contract.md\` lists what a tool may import`,
      data: { import: name.slice(0, 200) },
    },
  );
}
