// Which home of this machine is a separated install. Root writes it down, everybody may read it: an agent
// has to know its socket without a look into the home.

import { readFileSync } from 'node:fs';

/** Written by `warder setup --separated`. */
export const installRecordPath = '/etc/warder/install.json';

/** Where a separated install is. */
export interface InstallRecord {
  readonly version: 1;
  /** The home: its daemon's alone. */
  readonly home: string;
  /** Where the sockets are. */
  readonly run: string;
}

/** The separated install of this machine, if there is one. Throws when the record is none. */
export function readInstallRecord(path: string = installRecordPath): InstallRecord | undefined {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
  const { version, home, run } = parseObject(text);
  if (version === 1 && isPath(home) && isPath(run)) return { version, home, run };
  // Not the class of ours: `warder mcp`, which has to start fast, reads this and next to nothing else.
  throw Object.assign(new Error(`\`${path}\` is no record of an install`), {
    hint: 'as root: `warder setup --separated` writes it anew',
  });
}

function parseObject(text: string): Readonly<Record<string, unknown>> {
  try {
    return (JSON.parse(text) ?? {}) as Readonly<Record<string, unknown>>;
  } catch {
    return {};
  }
}

/**
 * The directory of the sockets of the home at `root`: `WARDER_RUN`, else what the record says of that
 * home; undefined when the sockets are in the home itself.
 */
export function runDirectoryOf(
  root: string,
  env: Readonly<Record<string, string | undefined>>,
): string | undefined {
  const stated = env['WARDER_RUN'];
  if (stated !== undefined && stated !== '') return stated;
  const record = readInstallRecord();
  return record?.home === root ? record.run : undefined;
}

function isPath(value: unknown): value is string {
  return typeof value === 'string' && value.startsWith('/');
}
