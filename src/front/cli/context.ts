// What every command is handed: its home, its output, and a daemon when it needs one.

import { type Home, locateHome } from '../config/home.ts';
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

export function createContext(homeFlag: string | undefined, json: boolean): Context {
  const home = locateHome(homeFlag, process.env);
  const client = createOperatorClient(home.operatorSocket);
  return {
    home,
    out: createOutput(json),
    operator: async () => {
      const { daemonAnswers, startDaemon } = await import('./start-daemon.ts');
      if (!(await daemonAnswers(home.root))) await startDaemon(home.root);
      return client;
    },
    operatorIfRunning: async () => {
      const { daemonAnswers } = await import('./start-daemon.ts');
      return (await daemonAnswers(home.root)) ? client : undefined;
    },
  };
}
