// What every command is handed: its home, its output, and a daemon when it needs one.

import { existsSync } from 'node:fs';
import { WarderError } from '../../base/errors/errors.ts';
import { type Home, locateHome, operatorSocketPath } from '../config/home.ts';
import { createOperatorClient, type OperatorClient } from './operator-client.ts';
import { createOutput, type Output } from './output.ts';

export interface Context {
  readonly home: Home;
  readonly out: Output;
  /** A client of the running daemon; starts one first when none answers. */
  operator(): Promise<OperatorClient>;
  /** A client of the daemon if one answers. */
  operatorIfRunning(): Promise<OperatorClient | undefined>;
}

/** @param operator whose channel is used; the one called `operator` when absent. */
export function createContext(
  homeFlag: string | undefined,
  json: boolean,
  operator?: string,
): Context {
  const home = locateHome(homeFlag, process.env);
  const socket = operatorSocketPath(home, operator ?? 'operator');
  const client = createOperatorClient(socket);
  return {
    home,
    out: createOutput(json),
    operator: async () => {
      const { daemonAnswers, startDaemon } = await import('./start-daemon.ts');
      if (!(await daemonAnswers(home.root))) await startDaemon(home.root);
      if (operator !== undefined && !existsSync(socket)) throw noSuchOperator(operator);
      return client;
    },
    operatorIfRunning: async () => {
      const { daemonAnswers } = await import('./start-daemon.ts');
      return (await daemonAnswers(home.root)) ? client : undefined;
    },
  };
}

function noSuchOperator(operator: string): WarderError {
  return new WarderError('usage', `the daemon listens for no operator \`${operator}\``, {
    hint: 'name one of `operators` in config.json; a new one needs a restart: `warder stop`',
  });
}
