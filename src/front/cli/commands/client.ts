// `warder client config`: what to paste into an MCP client.

import { realpathSync } from 'node:fs';
import type { Command } from 'commander';
import { WarderError } from '../../../base/errors/errors.ts';
import type { Run } from '../program.ts';

const CLIENTS = ['claude-desktop', 'claude-code', 'vscode', 'cursor'] as const;
type Client = (typeof CLIENTS)[number];

/** Adds `client config`. */
export function addClientCommands(program: Command, run: Run): void {
  program
    .command('client')
    .description('set-up of MCP clients')
    .command('config')
    .argument('[client]', CLIENTS.join(', '), 'claude-desktop')
    .option('--agent <name>', 'whose socket the client uses', 'default')
    .description('print the configuration to paste; paths are absolute, so that it works anywhere')
    .action((client: string, options: { agent: string }) =>
      run(({ out, home }) => {
        const config = clientConfig(client, home.root, options.agent);
        out.result(config, typeof config === 'string' ? config : JSON.stringify(config, null, 2));
        return Promise.resolve();
      }),
    );
}

/** The configuration of one client, as its own documents spell it. */
function clientConfig(client: string, home: string, agent: string): object | string {
  const command = process.execPath;
  const entry = realpathSync(process.argv[1] ?? '');
  const args = ['--disable-sigusr1', entry, 'mcp', '--home', home];
  if (agent !== 'default') args.push('--agent', agent);
  switch (client as Client) {
    case 'claude-desktop':
    case 'cursor':
      return { mcpServers: { warder: { command, args } } };
    case 'vscode':
      return { servers: { warder: { type: 'stdio', command, args } } };
    case 'claude-code':
      return `claude mcp add warder -- ${[command, ...args].map(shellWord).join(' ')}`;
    default:
      throw new WarderError('usage', `unknown client \`${client}\``, {
        hint: `one of ${CLIENTS.join(', ')}`,
      });
  }
}

function shellWord(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
