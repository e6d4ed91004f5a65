// Has a lease signed anew over the socket of an agent: the holder proves itself, the daemon answers the new text.

import { connect } from 'node:net';
import { isJsonObject, type Json, type JsonObject } from '../../base/encoding/json.ts';
import { parseJson } from '../../base/encoding/parse-json.ts';
import { errorFromJson, WarderError } from '../../base/errors/errors.ts';
import { CHAIN_MAX } from '../lease/chain.ts';
import { HeldLease, type LeaseRefresher } from './held-lease.ts';
import type { HolderKey } from './holder-key.ts';

/** Longest answer, bytes. */
const REPLY_MAX = CHAIN_MAX + 4096;
/** Longest a daemon may take for one line, milliseconds. */
const PATIENCE_MS = 30_000;
const PREAMBLE = { warder: { mode: 'lease' } };

/**
 * A refresher for {@link HeldLease.start} and {@link HeldLease.refresh}.
 *
 * @param path the agent's socket, e.g. `~/.warder/agent.sock`.
 * @param key the key the lease is bound to.
 * @param now wall milliseconds.
 */
export function agentSocketRefresher(
  path: string,
  key: HolderKey,
  now: () => number,
): LeaseRefresher {
  return {
    async refresh(lease) {
      const { challenge } = await exchange(path, { op: 'challenge' });
      const proof = await new HeldLease(lease, key, now).prove(termsOf(challenge));
      const { refreshed } = await exchange(path, { op: 'refresh', lease, proof });
      return typeof refreshed === 'string' ? refreshed : unreadable();
    },
  };
}

function termsOf(challenge: Json | undefined): Parameters<HeldLease['prove']>[0] {
  if (!isJsonObject(challenge)) return unreadable();
  const text = (name: string): string => {
    const value = challenge[name];
    return typeof value === 'string' ? value : unreadable();
  };
  return { nonce: text('nonce'), audience: text('aud'), method: text('htm'), uri: text('htu') };
}

/** One line each way. @throws WarderError `unavailable`, or what the daemon refuses with. */
async function exchange(path: string, line: object): Promise<JsonObject> {
  const socket = connect(path);
  socket.setTimeout(PATIENCE_MS, () => socket.destroy(new Error('it took too long')));
  socket.write(`${JSON.stringify(PREAMBLE)}\n${JSON.stringify(line)}\n`);
  const parts: Uint8Array[] = [];
  let length = 0;
  try {
    for await (const part of socket as AsyncIterable<Uint8Array>) {
      parts.push(part);
      length += part.length;
      if (length > REPLY_MAX) throw new Error('the answer is too long');
    }
  } catch (cause) {
    throw new WarderError('unavailable', `the daemon does not answer at \`${path}\``, {
      cause,
      hint: 'see `warder status`',
    });
  } finally {
    socket.destroy();
  }
  const reply = length === 0 ? undefined : parseJson(Buffer.concat(parts), { maxBytes: REPLY_MAX });
  if (!isJsonObject(reply)) return unreadable();
  if (reply['error'] !== undefined) throw errorFromJson(reply['error']);
  return reply;
}

function unreadable(): never {
  throw new WarderError('unavailable', 'the daemon’s answer cannot be read', {
    hint: 'use the `warder` of the same version as the daemon',
  });
}
