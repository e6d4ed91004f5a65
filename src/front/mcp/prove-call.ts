// The holder's side of a proof: asks a daemon what a proof for one call has to say, and signs it.

import { connect } from 'node:net';
import { text as readAll } from 'node:stream/consumers';
import { isJsonObject, type Json } from '../../base/encoding/json.ts';
import { parseJson } from '../../base/encoding/parse-json.ts';
import { errorFromJson, WarderError } from '../../base/errors/errors.ts';
import { parseToolCall } from '../../decide/request/parse-tool-call.ts';
import type { HeldLease } from '../../trust/holder/held-lease.ts';

/** Arguments as JSON text, or as a value that was parsed strictly. */
export type ProvenArguments = string | { readonly parsed: unknown };

/**
 * A proof of possession for one call over a socket. Spends nothing, and leaves no receipt.
 *
 * @throws WarderError `unavailable` when nobody answers; what the daemon refuses with; `not-found` for a
 *   tool the lease does not show.
 */
export async function proveCall(
  socketPath: string,
  held: HeldLease,
  tool: string,
  args: ProvenArguments,
): Promise<string> {
  // The digest is over what we ask for, never one that is handed to us to sign.
  const { digest } = parseToolCall(tool, args, { argumentBytes: 64 * 1024 * 1024 });
  return held.prove(termsOf(await askChallenge(socketPath, held.text, tool), tool, digest));
}

function termsOf(
  challenge: Readonly<Record<string, Json>>,
  tool: string,
  digest: string,
): Parameters<HeldLease['prove']>[0] {
  if (challenge['tool_digest'] === undefined) {
    throw new WarderError('not-found', `the lease shows no tool \`${tool}\``, {
      hint: 'see `tools/list` under this lease',
    });
  }
  const text = (name: string): string => {
    const value = challenge[name];
    if (typeof value !== 'string') throw unreadable();
    return value;
  };
  return {
    nonce: text('nonce'),
    audience: text('aud'),
    method: text('htm'),
    uri: text('htu'),
    call: { tool: text('tool_digest'), digest },
  };
}

async function askChallenge(
  socketPath: string,
  lease: string,
  tool: string,
): Promise<Readonly<Record<string, Json>>> {
  const socket = connect(socketPath);
  const lines = [{ warder: { mode: 'call', lease } }, { tool, arguments: '{}', challenge: true }];
  socket.write(lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
  let reply: Json;
  try {
    reply = parseJson(await readAll(socket));
  } catch (cause) {
    throw new WarderError('unavailable', 'the daemon did not say what a proof has to say', {
      cause,
      hint: 'see `warder status`',
    });
  }
  if (!isJsonObject(reply)) throw unreadable();
  if (reply['error'] !== undefined) throw errorFromJson(reply['error']);
  const { challenge } = reply;
  if (!isJsonObject(challenge)) throw unreadable();
  return challenge;
}

function unreadable(): WarderError {
  return new WarderError('unavailable', 'the daemon’s answer cannot be read', {
    hint: 'use the `warder` of the same version as the daemon',
  });
}
