// `warder mcp`: finds the agent's socket and relays. Loads next to nothing while a daemon answers.

import { join, resolve } from 'node:path';
import { homedir } from 'node:os';
import { runDirectoryOf } from '../config/install-record.ts';
import { relay, type RelayOptions } from '../mcp/relay.ts';
import type { HeldCredentials } from './credentials.ts';

export interface McpArguments {
  readonly home?: string;
  readonly agent: string;
  /** What says who asks, if it is not the agent itself. */
  readonly credentials?: HeldCredentials;
}

const NAME = /^[a-z0-9][a-z0-9-]{0,31}$/;

/** Reads the plain forms of the command line; anything else (help, mistakes) is left to the full parser. */
export function quickArguments(argv: readonly string[]): McpArguments | undefined {
  let home: string | undefined;
  let agent = 'default';
  for (let at = 0; at < argv.length; at += 2) {
    const value = argv[at + 1];
    if (value === undefined) return undefined;
    if (argv[at] === '--home') home = value;
    else if (argv[at] === '--agent' && NAME.test(value)) agent = value;
    else return undefined;
  }
  return { agent, ...(home === undefined ? {} : { home }) };
}

/** Relays one client to its agent socket; starts a daemon when none answers. */
export async function runMcp(args: McpArguments): Promise<number> {
  if (!NAME.test(args.agent)) {
    const { reportError } = await import('./output.ts');
    const { WarderError } = await import('../../base/errors/errors.ts');
    const hint = 'names are like `my-agent`; see `agents` in config.json';
    return reportError(
      new WarderError('usage', `\`${args.agent}\` is not the name of an agent`, { hint }),
      false,
    );
  }
  const flag = args.home ?? process.env['WARDER_HOME'];
  const root = resolve(flag === undefined || flag === '' ? join(homedir(), '.warder') : flag);
  try {
    const run = runDirectoryOf(root, process.env);
    const socketPath =
      run !== undefined
        ? join(run, 'agents', args.agent, 'agent.sock')
        : args.agent === 'default'
          ? join(root, 'agent.sock')
          : join(root, 'agents', `${args.agent}.sock`);
    return await relay({
      socketPath,
      startDaemon: async () => {
        if (run !== undefined) throw await closedDoor(socketPath, 'agent');
        const { startDaemon } = await import('./start-daemon.ts');
        await startDaemon(root);
      },
      ...(args.credentials === undefined ? {} : await presenting(args.credentials, socketPath)),
    });
  } catch (error) {
    const { reportError } = await import('./output.ts');
    return reportError(explain(error, args.agent), false);
  }
}

/** Everything but the relay itself is loaded only by who needs it. */
async function presenting(
  { lease, identity, held }: HeldCredentials,
  socketPath: string,
): Promise<Pick<RelayOptions, 'preamble' | 'through'>> {
  if (lease === undefined && identity === undefined) return {};
  const preamble = JSON.stringify({ warder: { mode: 'mcp', lease, identity } });
  if (held === undefined) return { preamble };
  const { provingStream } = await import('../mcp/proving-relay.ts');
  const { proveCall } = await import('../mcp/prove-call.ts');
  const through = provingStream((tool, args) =>
    proveCall(socketPath, held, tool, { parsed: args }),
  );
  return { preamble, through };
}

async function closedDoor(socketPath: string, whose: 'agent'): Promise<Error> {
  const { closed } = await import('./closed-door.ts');
  return closed(socketPath, whose);
}

function explain(error: unknown, agent: string): unknown {
  const missing = error instanceof Error && 'code' in error && error.code === 'ENOENT';
  if (!missing) return error;
  return Object.assign(new Error(`the daemon has no socket for agent \`${agent}\``), {
    hint: 'add the agent to `agents` in config.json and restart with `warder stop`',
  });
}
