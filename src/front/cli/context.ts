// What every command is handed: its home, its output, and a daemon when it needs one.

import { existsSync } from 'node:fs';
import { WarderError } from '../../base/errors/errors.ts';
import { type Home, locateHome, operatorSocketPath } from '../config/home.ts';
import { closed } from './closed-door.ts';
import { createOperatorClient, type OperatorClient } from './operator-client.ts';
import { createOutput, type Output } from './output.ts';

export interface Context {
  readonly home: Home;
  readonly out: Output;
  /** Sees to it that a daemon runs; that of a separated install nobody starts by a command. */
  daemon(): Promise<void>;
  /** A client of the running daemon; starts one first when none answers. */
  operator(): Promise<OperatorClient>;
  /** A client of the daemon if one answers. */
  operatorIfRunning(): Promise<OperatorClient | undefined>;
}

/**
 * @param operator whose channel is used; the one called `operator` when absent.
 * @param proof where the operator's passphrase comes from, `fd:N`; the terminal when absent.
 */
export function createContext(
  homeFlag: string | undefined,
  json: boolean,
  operator?: string,
  proof?: string,
): Context {
  const home = locateHome(homeFlag, process.env);
  const socket = operatorSocketPath(home, operator ?? 'operator');
  const prove =
    home.run === undefined ? undefined : () => readPassphrase(operator ?? 'operator', proof);
  const client = createOperatorClient(socket, prove);
  const daemon = async (): Promise<void> => {
    if (home.run !== undefined) return;
    const { daemonAnswers, startDaemon } = await import('./start-daemon.ts');
    if (!(await daemonAnswers(home.operatorSocket))) await startDaemon(home.root);
  };
  return {
    home,
    out: createOutput(json),
    daemon,
    operator: async () => {
      await daemon();
      if (home.run !== undefined) {
        const { daemonAnswers } = await import('./start-daemon.ts');
        if (!(await daemonAnswers(socket))) throw closed(socket, 'operator');
      }
      if (operator !== undefined && !existsSync(socket)) throw noSuchOperator(operator);
      return client;
    },
    operatorIfRunning: async () => {
      const { daemonAnswers } = await import('./start-daemon.ts');
      return (await daemonAnswers(home.run === undefined ? home.operatorSocket : socket))
        ? client
        : undefined;
    },
  };
}

/** Asked for as late as possible: only what changes something needs it. */
async function readPassphrase(operator: string, source: string | undefined): Promise<string> {
  const { askHidden, readDescriptor } = await import('./hidden-answer.ts');
  if (source !== undefined) return readDescriptor(source, '--proof');
  return askHidden(
    `passphrase of ${operator} (not shown): `,
    'run it on a terminal, or hand the passphrase over on an inherited descriptor: `--proof fd:N`',
  );
}

function noSuchOperator(operator: string): WarderError {
  return new WarderError('usage', `the daemon listens for no operator \`${operator}\``, {
    hint: 'name one of `operators` in config.json; a new one needs a restart: `warder stop`',
  });
}
