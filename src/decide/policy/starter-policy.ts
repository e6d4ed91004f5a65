// Where the policies that `warder init` starts with stand: readable files, shipped beside this one.

import { fileURLToPath } from 'node:url';

/** Names of the starter's files, in {@link starterPolicyDirectory}. */
export const starterPolicyFiles: readonly string[] = [
  '10-calls.cedar',
  '20-approvals.cedar',
  '30-leases.cedar',
];

/** Absolute path of the directory that holds the starter policy. */
export function starterPolicyDirectory(): string {
  return fileURLToPath(new URL('./starter/', import.meta.url));
}
