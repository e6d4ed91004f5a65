// `warder call`: one governed call over the agent's socket, or the operator's with --as.

import { connect } from 'node:net';
import { buffer as readBytes, text as readAll } from 'node:stream/consumers';
import type { Command } from 'commander';
import { decodeUtf8 } from '../../../base/encoding/utf8.ts';
import { errorFromJson, WarderError } from '../../../base/errors/errors.ts';
import type { OneCallReply } from '../../../gate/answer-json.ts';
import type { AwaitedProof } from '../../../gate/awaited-proof.ts';
import { agentSocketPath } from '../../config/home.ts';
import { closed } from '../closed-door.ts';
import type { Context } from '../context.ts';
import { type CredentialOptions, readCredentials, withCredentials } from '../credentials.ts';
import { readGivenFile } from '../given-files.ts';
import { plain, reportError } from '../output.ts';
import type { Run } from '../program.ts';
import { readSeconds } from './read-seconds.ts';

interface CallOptions extends CredentialOptions {
  readonly args: string;
  readonly agent: string;
  readonly as?: string;
  readonly approval?: string;
  readonly dryRun?: true;
  readonly waitProof?: true;
  readonly proofTimeout?: string;
}

/** Adds `call`. */
export function addCallCommand(program: Command, run: Run): void {
  const command = program
    .command('call')
    .argument('<tool>', 'operation name, see `warder tool list`')
    .description('one governed call')
    .option('--args <json>', 'arguments: JSON, @FILE or - for stdin', '{}')
    .option('--agent <name>', 'whose socket to call through', 'default');
  withCredentials(command)
    .option('--as <principal>', 'on the operator channel, on behalf of PRINCIPAL')
    .option('--approval <id>', 'the approval this call was given')
    .option('--dry-run', 'say what would happen; run and write nothing')
    .option(
      '--wait-proof',
      'wait for the checkpoint that covers the receipt, and include the proof',
    )
    .option('--proof-timeout <duration>', 'how long to wait for it; 30s when absent')
    .action((tool: string, options: CallOptions) => run((context) => call(context, tool, options)));
}

interface CallLine {
  readonly tool: string;
  readonly arguments: string;
  readonly approval?: string;
  readonly dryRun?: boolean;
  /** Seconds. */
  readonly waitProof?: number;
}

type CallReply = OneCallReply & Partial<AwaitedProof>;

const PROOF_SECONDS = 30;

async function call(context: Context, tool: string, options: CallOptions): Promise<number> {
  const request = {
    tool,
    arguments: await readArguments(options.args),
    ...(options.approval === undefined ? {} : { approval: options.approval }),
    ...(options.dryRun === undefined ? {} : { dryRun: true }),
    ...proofWait(options),
  };
  const { lease, leaseKey, identity } = options;
  if (options.as !== undefined && (lease ?? leaseKey ?? identity) !== undefined) {
    throw new WarderError('usage', '`--as` and a credential both say who asks', {
      hint: 'give one of them',
    });
  }
  await context.daemon();
  const reply =
    options.as === undefined
      ? await callAsAgent(context, options, request)
      : await (await context.operator()).call('call', { ...request, as: options.as });
  return report(context, reply);
}

function proofWait({ waitProof, proofTimeout }: CallOptions): Pick<CallLine, 'waitProof'> {
  if (waitProof === true) {
    return {
      waitProof:
        proofTimeout === undefined ? PROOF_SECONDS : readSeconds(proofTimeout, '--proof-timeout'),
    };
  }
  if (proofTimeout === undefined) return {};
  throw new WarderError('usage', '`--proof-timeout` goes with `--wait-proof`', {
    hint: 'give both',
  });
}

function report(context: Context, reply: CallReply): number {
  const proof = 'proof' in reply ? reply.proof : undefined;
  const proofError = 'proofError' in reply ? reply.proofError : undefined;
  const withProof = {
    ...(proof === undefined ? {} : { proof }),
    ...(proofError === undefined ? {} : { proofError }),
  };
  // The call is done: that it cannot be proven yet is no reason to make it again.
  if (proofError !== undefined) context.out.note(`no proof yet: ${plain(proofError.message)}`);
  if ('preview' in reply) {
    const { preview } = reply;
    const why = preview.error?.message ?? preview.reason ?? '';
    context.out.result(preview, `${preview.verdict}${why === '' ? '' : `: ${plain(why)}`}`);
    if (preview.verdict === 'auto_approve') return 0;
    return preview.verdict === 'route_to_approver' ? 4 : 3;
  }
  if ('error' in reply) {
    const extra = {
      ...(reply.receipt === undefined ? {} : { receipt: reply.receipt }),
      ...(reply.approval === undefined ? {} : { approval: reply.approval }),
      ...(reply.provenance === undefined ? {} : { provenance: reply.provenance }),
      ...withProof,
    };
    return reportError(errorFromJson(reply.error), context.out.json, extra);
  }
  const { answer, receipt, provenance } = reply;
  const { content, structuredContent, isError } = answer;
  const lines = content.map((part) =>
    part.type === 'text' ? part.text : `[${part.type} ${part.mimeType}]`,
  );
  context.out.result(
    {
      content,
      ...(structuredContent === undefined ? {} : { structuredContent }),
      isError,
      receipt,
      provenance,
      ...withProof,
    },
    lines.map((line) => line.split('\n').map(plain).join('\n')),
  );
  if (!context.out.json) {
    context.out.note(`receipt ${receipt.id} (leaf ${receipt.index})`);
    if (proof !== undefined) context.out.note(proof);
  }
  return isError ? 5 : 0;
}

async function callAsAgent(
  context: Context,
  options: CallOptions,
  request: CallLine,
): Promise<CallReply> {
  const path = agentSocketPath(context.home, options.agent);
  const { held, ...credentials } = await readCredentials(options);
  const preamble = { warder: { mode: 'call', ...credentials } };
  if (held === undefined) return exchange(context, path, options.agent, [preamble, request]);
  const { proveCall } = await import('../../mcp/prove-call.ts');
  for (let retried = false; ; retried = true) {
    const proof = await proveCall(path, held, request.tool, request.arguments);
    const reply = await exchange(context, path, options.agent, [preamble, { ...request, proof }]);
    // The daemon was started anew in between, or took its time.
    const again = 'error' in reply && reply.error.data?.['nonce'] !== undefined;
    if (!again || retried) return reply;
  }
}

async function exchange(
  context: Context,
  path: string,
  agent: string,
  lines: readonly object[],
): Promise<CallReply> {
  const socket = connect(path);
  socket.write(lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
  let reply: string;
  try {
    reply = await readAll(socket);
  } catch (cause) {
    if (context.home.run !== undefined) throw closed(path, 'agent');
    throw new WarderError('unavailable', `agent \`${agent}\` cannot be reached`, {
      cause,
      hint: 'see `agents` in config.json, and `warder status`',
    });
  }
  if (!reply.endsWith('\n')) {
    throw new WarderError('unavailable', 'the daemon hung up before it answered', {
      hint: 'see `warder receipts list`: an interrupted call is settled as unknown',
    });
  }
  return JSON.parse(reply) as CallReply;
}

/** JSON text of an option: as it stands, from `@FILE`, or from stdin for `-`. */
export async function readArguments(value: string, option = '--args'): Promise<string> {
  if (value === '-') return decode(await readBytes(process.stdin));
  if (!value.startsWith('@')) return value;
  return decode(
    readGivenFile(value.slice(1), { hint: `\`${option} @FILE\` reads it from a file` }),
  );
}

/** Repairing broken text here would change what was asked. */
function decode(bytes: Uint8Array): string {
  try {
    return decodeUtf8(bytes);
  } catch (cause) {
    throw new WarderError('malformed', 'the arguments are not valid UTF-8', {
      cause,
      hint: 'encode the JSON as UTF-8',
    });
  }
}
