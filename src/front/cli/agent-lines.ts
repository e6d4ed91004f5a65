// One line to an agent's socket and the line that comes back, for commands that speak as the agent.

import { connect } from 'node:net';
import { text as readAll } from 'node:stream/consumers';
import { isJsonObject } from '../../base/encoding/json.ts';
import { parseJson } from '../../base/encoding/parse-json.ts';
import { errorFromJson, WarderError } from '../../base/errors/errors.ts';

/** Longest answer, bytes: many leases, each with its chain. */
const REPLY_MAX = 16 * 1024 * 1024;

/** Asks at the desk for leases of one agent. @throws as {@link askAgent}. */
export function askDesk<Reply extends object>(
  path: string,
  agent: string,
  line: object,
): Promise<Reply> {
  return askAgent(path, agent, 'lease', line);
}

/**
 * Asks over an agent's socket.
 *
 * @param agent for messages.
 * @throws WarderError `unavailable`, or what the daemon refuses with.
 */
export async function askAgent<Reply extends object>(
  path: string,
  agent: string,
  mode: 'lease' | 'receipt',
  line: object,
): Promise<Reply> {
  const socket = connect(path);
  socket.write(`${JSON.stringify({ warder: { mode } })}\n${JSON.stringify(line)}\n`);
  let text: string;
  try {
    text = await readAll(socket);
  } catch (cause) {
    throw new WarderError('unavailable', `agent \`${agent}\` cannot be reached`, {
      cause,
      hint: 'see `agents` in config.json, and `warder status`',
    });
  }
  if (!text.endsWith('\n')) {
    throw new WarderError('unavailable', 'the daemon hung up before it answered', {
      hint: 'see `warder status`, then `warder lease list` or `warder receipts list`',
    });
  }
  const reply = parseJson(text, { maxBytes: REPLY_MAX });
  if (!isJsonObject(reply)) throw new WarderError('internal', 'the answer is no object');
  if (reply['error'] !== undefined) throw errorFromJson(reply['error']);
  // The daemon is of our own version: `status` says so.
  return reply as Reply;
}
