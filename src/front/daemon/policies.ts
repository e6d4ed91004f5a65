// The policies the daemon starts with: those in force, else the drafts of a new home.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Store } from '../../base/store/store.ts';
import { PolicyHolder } from '../../decide/policy/policy-holder.ts';
import { isPolicyFile, type PolicyFile } from '../../decide/policy/policy-source.ts';
import { activePolicy } from '../../decide/policy/policy-table.ts';

export interface OpenedPolicies {
  readonly holder: PolicyHolder;
  /** Whether they come from the drafts and have yet to be recorded as in force. */
  readonly fresh: boolean;
}

/** Opens the policies. @throws WarderError `usage` when the drafts of a new home do not parse. */
export async function openPolicies(store: Store, directory: string): Promise<OpenedPolicies> {
  const active = store.read((reader) => activePolicy(reader));
  const files = active?.files ?? readDrafts(directory);
  return { holder: await PolicyHolder.open(files), fresh: active === undefined };
}

function readDrafts(directory: string): PolicyFile[] {
  return readdirSync(directory)
    .filter(isPolicyFile)
    .sort()
    .map((name) => ({ name, text: readFileSync(join(directory, name), 'utf8') }));
}
