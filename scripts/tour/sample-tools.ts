// Installs the sample tools of tools/ into a home: what each is granted is harmless, and one that is
// there already is left as it is.

import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Finding } from '../../src/front/console/operations.ts';
import { type Finished, repository } from '../../test/support/warder.ts';

interface Sample {
  readonly name: string;
  readonly flags: readonly string[];
  /** What the user may want to do next. */
  readonly hint?: string;
}

const DATA = `${join(repository, 'test', 'data')}:/data`;

const SAMPLES: readonly Sample[] = [
  { name: 'text', flags: [] },
  { name: 'data-query', flags: [] },
  { name: 'checksum', flags: ['--allow-read', DATA] },
  { name: 'file-search', flags: ['--allow-read', DATA] },
  { name: 'notes', flags: ['--allow-kv'], hint: 'asks for approval: see `warder approvals list`' },
  {
    name: 'fetch-extract',
    flags: [],
    hint: "may reach nothing yet: `warder tool grant fetch-extract --allow-net 'GET https://www.debian.org/**'`",
  },
];

/** Runs `warder ARGS` on the home. */
export type RunOnHome = (args: readonly string[]) => Promise<Finished>;

/**
 * Adds the samples that are missing.
 *
 * @returns lines that say what was done.
 */
export async function addSampleTools(run: RunOnHome): Promise<readonly string[]> {
  const listed = await run(['--json', 'tool', 'list']);
  if (listed.code !== 0) throw new Error(`cannot list the tools: ${listed.stderr}`);
  const unjailed = await flagsWithoutJail(run);
  const lines: string[] = unjailed.length === 0 ? [] : [WITHOUT_JAIL];
  const installed = listed.json<{ name: string; digest: string }[]>();
  for (const sample of SAMPLES) {
    const { name, hint } = sample;
    const flags = [...sample.flags, ...unjailed];
    const file = join(repository, 'tools', name, `${name}.wasm`);
    if (!existsSync(file)) continue;
    const there = installed.find((one) => one.name === name);
    const more = hint === undefined ? '' : `; ${hint}`;
    if (there === undefined) {
      const added = await run(['--json', 'tool', 'add', join(repository, 'tools', name), ...flags]);
      if (added.code !== 0) throw new Error(`cannot add \`${name}\`: ${added.stderr}`);
      lines.push(`tool ${name}: added${more}`);
    } else if (there.digest === digestOf(file)) {
      lines.push(`tool ${name}: there already${more}`);
    } else {
      const add = `warder tool remove ${name}; warder tool add tools/${name}`;
      lines.push(
        `tool ${name}: another build is installed and was left alone; to replace it: ${add}`,
      );
    }
  }
  return lines;
}

/** Said wherever a host has no jail and the samples are run all the same. */
export const WITHOUT_JAIL: string =
  'WARNING: this host has no jail, so the samples run with --unsafe-no-jail: only Node’s own hygiene ' +
  'stands between them and this user. Every receipt says `jail: none`. `warder doctor` names the remedy.';

/** The flags that let a sample run on this host: none where there is a jail. */
export async function flagsWithoutJail(run: RunOnHome): Promise<readonly string[]> {
  const findings = (await run(['--json', 'doctor'])).json<Finding[]>();
  const jail = findings.find(({ subject }) => subject === 'jail');
  return jail?.state === 'ok' ? [] : ['--unsafe-no-jail'];
}

function digestOf(file: string): string {
  return createHash('sha256').update(readFileSync(file)).digest('hex');
}
