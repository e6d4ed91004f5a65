// Keys whose device is away when the daemon starts: what stands in for them, and what the daemon's log says of it.

import { openOrAwait } from '../../trust/signer/awaited-signer.ts';
import type { OpenedSigner } from '../../trust/signer/checked-signer.ts';
import { isRemote, parseKeyUri } from '../../trust/signer/key-uri.ts';
import type { PublicJwk, SignKind } from '../../trust/signer/signer.ts';

/** Given by who goes on without a key for a while; without it a key that cannot be opened is an error. */
export interface AwayKeys {
  /** The public half of a pinned key; undefined when nothing says what it was. */
  readonly known: (kid: string) => PublicJwk | undefined;
  /** A line for the log of the process. */
  readonly note: (line: string) => void;
}

/** A key to be opened. */
export interface WantedKey {
  readonly uri: string;
  /** Thumbprint it must have; only such a key is waited for. */
  readonly kid: string | undefined;
  readonly roles: readonly SignKind[];
  readonly away: AwayKeys | undefined;
}

/**
 * Opens a key, or waits for its device. A key in a file is not waited for: no file comes back by itself.
 *
 * @param open opens it; may be called again and again.
 * @throws WarderError what `open` throws, unless the key is waited for and the trouble may pass.
 */
export function openOrWait(
  { uri, kid, roles, away }: WantedKey,
  open: () => Promise<OpenedSigner>,
): Promise<OpenedSigner> {
  const parsed = parseKeyUri(uri);
  const key = kid === undefined ? undefined : away?.known(kid);
  if (away === undefined || key === undefined || parsed.scheme === 'file') return open();
  const leases = roles.includes('lease');
  const name = leases ? 'signing key' : 'log key';
  const what = leases ? 'new leases are refused, and checkpoints wait' : 'checkpoints wait';
  return openOrAwait({
    key,
    roles,
    backend: isRemote(parsed) ? 'remote' : parsed.scheme,
    open,
    onTrouble: ({ message, hint }) => {
      const remedy = hint === undefined ? '' : ` (${hint})`;
      away.note(
        `${name} ${key.kid}: ${message}${remedy}; until it can be used ${what}; it is tried again by itself, see \`warder doctor\``,
      );
    },
    onSigned: () => away.note(`${name} ${key.kid}: signs again`),
  });
}
