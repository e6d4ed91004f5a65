// Looks names up: through the system, or at given name servers.

import { lookup, Resolver } from 'node:dns/promises';
import type { Resolve } from './addresses.ts';

const TRY_MS = 2_000;
const TRIES = 2;

/** As the system does it: hosts file, then its name servers. */
const systemResolve: Resolve = async (name) => {
  const found = await lookup(name, { all: true, order: 'verbatim' });
  return found.map(({ address }) => address);
};

/** @param nameServers `ADDRESS:PORT`; the system's resolver when absent. */
export function resolver(nameServers: readonly string[] | undefined): Resolve {
  if (nameServers === undefined) return systemResolve;
  const servers = new Resolver({ timeout: TRY_MS, tries: TRIES });
  servers.setServers(nameServers);
  return async (name) => {
    // Both families, or neither: an answer that is missing may be the one that would refuse.
    const [four, six] = await Promise.all([
      servers.resolve4(name).catch(emptyWhenAbsent),
      servers.resolve6(name).catch(emptyWhenAbsent),
    ]);
    return [...four, ...six];
  };
}

function emptyWhenAbsent(thrown: unknown): readonly string[] {
  const { code } = thrown as NodeJS.ErrnoException;
  if (code === 'ENODATA' || code === 'ENOTFOUND') return [];
  throw thrown;
}
