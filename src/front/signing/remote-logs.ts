// The logs of a signer process, as it tells of them: the one it signs for, and those that ended before it.

import type { Json } from '../../base/encoding/json.ts';
import type { HeadMemory } from '../../trust/receipt/head-memory.ts';
import type { RemoteKeyUri } from '../../trust/signer/key-uri.ts';
import { answerObject, nonsense } from '../../trust/signer/remote/protocol.ts';
import { openChannel, readRemoteKeys } from '../../trust/signer/remote/remote-key.ts';
import type { PublicJwk } from '../../trust/signer/signer.ts';
import type { Head } from '../../trust/verify/checkpoint.ts';
import { readHead } from './remote-keys.ts';
import { type KeyRole, parseEndedHead } from './succession-file.ts';

export interface SignersLogs {
  /** Of the log it signs for. */
  readonly origin: string;
  /** Where it stands with that. */
  readonly memory: HeadMemory;
  /** Last heads of the logs before. */
  readonly ended: readonly Head[];
  /** The keys that sign now; one that is lost is missing. */
  readonly keys: Readonly<Partial<Record<KeyRole, PublicJwk>>>;
  close(): Promise<void>;
}

/**
 * @param home directory that relative paths in the URI are below.
 * @throws WarderError `unavailable` when it cannot be reached.
 */
export async function openSignersLogs(uri: RemoteKeyUri, home: string): Promise<SignersLogs> {
  const channel = openChannel(uri, home);
  try {
    const { origin, keys } = await readRemoteKeys(channel);
    const { ended = [] } = answerObject(await channel.ask({ ask: 'keys' }));
    const current = keys.flatMap(({ use, jwk }) =>
      use === 'signing' || use === 'log' ? [[use, jwk] as const] : [],
    );
    return {
      origin,
      memory: { last: async () => readHead(await channel.ask({ ask: 'last' }), origin) },
      ended: readEnded(ended),
      keys: Object.fromEntries(current),
      close: () => channel.close(),
    };
  } catch (error) {
    await channel.close();
    throw error;
  }
}

function readEnded(json: Json): readonly Head[] {
  try {
    if (!Array.isArray(json)) throw new TypeError('no list');
    return (json as readonly Json[]).map(parseEndedHead);
  } catch (cause) {
    throw nonsense(cause);
  }
}
