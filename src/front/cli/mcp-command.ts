// `warder mcp`: finds the agent's socket and relays. Loads next to nothing while a daemon answers.

import { join, resolve } from 'node:path';
import { homedir } from 'node:os';
import { relay } from '../mcp/relay.ts';

export interface McpArguments {
  readonly home?: string;
  readonly agent: string;
  /** Lease token text. */
  readonly lease?: string;
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
  const socketPath =
    args.agent === 'default'
      ? join(root, 'agent.sock')
      : join(root, 'agents', `${args.agent}.sock`);
  try {
    return await relay({
      socketPath,
      startDaemon: async () => {
        const { startDaemon } = await import('./start-daemon.ts');
        await startDaemon(root);
      },
      ...(args.lease === undefined
        ? {}
        : { preamble: JSON.stringify({ warder: { mode: 'mcp', lease: args.lease } }) }),
    });
  } catch (error) {
    const { reportError } = await import('./output.ts');
    return reportError(explain(error, args.agent), false);
  }
}

function explain(error: unknown, agent: string): unknown {
  const missing = error instanceof Error && 'code' in error && error.code === 'ENOENT';
  if (!missing) return error;
  return Object.assign(new Error(`the daemon has no socket for agent \`${agent}\``), {
    hint: 'add the agent to `agents` in config.json and restart with `warder stop`',
  });
}
