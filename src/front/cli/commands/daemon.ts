// `warder init|serve|status|stop|doctor|mcp`: the life of a home and its daemon.

import type { Command } from 'commander';
import { WarderError } from '../../../base/errors/errors.ts';
import type { Finding } from '../../console/operations.ts';
import type { StatusReport } from '../../console/status-report.ts';
import { type CredentialOptions, readCredentials, withCredentials } from '../credentials.ts';
import { closed } from '../closed-door.ts';
import { plain, reportError, table } from '../output.ts';
import { packageVersion, type Run } from '../program.ts';

/** How long `stop` waits for the daemon to end. */
const STOP_TIMEOUT_MS = 20_000;

/** Adds the commands. */
export function addDaemonCommands(program: Command, run: Run): void {
  program
    .command('init')
    .option('--key <uri>', 'key URI of the signing key (ES256); a file key by default')
    .description('create the home: config, starter policy, both keys, the empty log')
    .action((options: { key?: string }) =>
      run(async ({ home, out }) => {
        const { initHome } = await import('../../daemon/init.ts');
        const made = await initHome(home, options.key);
        out.result(
          { home: home.root, created: made.created, kid: made.config.key.kid },
          made.created
            ? [`created ${home.root}`, ...made.custody.map((line) => `  key in a ${line}`)]
            : `${home.root} is a home already`,
        );
      }),
    );
  program
    .command('serve')
    .option('--auto', 'exit after ten idle minutes; used when a command starts the daemon')
    .description('run the daemon in the foreground until SIGTERM')
    .action((options: { auto?: true }) =>
      run(async ({ home, out }) => {
        const { serve } = await import('../../daemon/serve.ts');
        try {
          return await serve(home, {
            version: packageVersion(),
            idleExit: options.auto === true,
            onReady: (status) => out.result({ ready: status }, readyLines(status)),
          });
        } catch (error) {
          // What could not be closed must not keep a daemon that has ended, and its lock, alive.
          return process.exit(reportError(error, out.json));
        }
      }),
    );
  program
    .command('status')
    .description('whether the daemon runs, and how it is')
    .action(() =>
      run(async ({ operatorIfRunning, out, home }) => {
        const operator = await operatorIfRunning();
        if (operator === undefined) {
          if (home.run !== undefined) throw closed(home.operatorSocket, 'operator');
          throw new WarderError('unavailable', `no daemon runs for \`${home.root}\``, {
            hint: '`warder serve` starts one; so does any command that needs it',
          });
        }
        const status = await operator.call('status', {});
        out.result(status, statusLines(status));
      }),
    );
  program
    .command('stop')
    .description('drain and stop the daemon')
    .action(() =>
      run(async ({ operatorIfRunning, out, home }) => {
        const operator = await operatorIfRunning();
        if (operator === undefined) {
          if (home.run !== undefined) throw closed(home.operatorSocket, 'operator');
          out.result({ stopped: false }, `no daemon runs for ${home.root}`);
          return;
        }
        // Not asked of the daemon: one whose store is damaged has to be stopped all the more.
        const { lockHolder } = await import('../../../base/store/home-lock.ts');
        const pid = lockHolder(home.root);
        await operator.call('stop', {});
        const { isAlive } = await import('../start-daemon.ts');
        const isGone = (): boolean => pid === undefined || !isAlive(pid);
        const deadline = performance.now() + STOP_TIMEOUT_MS;
        // Until the process is gone it holds the lock of the home, and no other can start.
        while (!isGone()) {
          if (performance.now() > deadline) {
            throw new WarderError('unavailable', 'the daemon is still draining', {
              hint: `calls are under way; it is process ${String(pid)}`,
            });
          }
          await new Promise((resolve) => setTimeout(resolve, 20));
        }
        out.result({ stopped: true }, 'stopped');
      }),
    );
  program
    .command('doctor')
    .description('what is on, what is not, and the remedy for each')
    .action(() =>
      run(async ({ home, out, operatorIfRunning }) => {
        const { examine } = await import('../../daemon/doctor.ts');
        const running = await operatorIfRunning();
        const findings = [
          ...(await examine(home)),
          ...(running === undefined ? [] : (await running.call('doctor', {})).findings),
        ];
        out.result(findings, findingLines(findings));
        return findings.some((finding) => finding.state === 'problem') ? 7 : 0;
      }),
    );
  withCredentials(program.command('mcp').option('--agent <name>', 'whose socket to use', 'default'))
    .description('MCP on stdio for one agent')
    .action((options: { agent: string } & CredentialOptions) =>
      run(async ({ home }) => {
        const { runMcp } = await import('../mcp-command.ts');
        const credentials = await readCredentials(options);
        return runMcp({ home: home.root, agent: options.agent, credentials });
      }),
    );
}

function readyLines(status: StatusReport): readonly string[] {
  return [`ready  pid ${status.pid}, ${status.tools} tools`, ...statusLines(status).slice(1)];
}

function statusLines(status: StatusReport): readonly string[] {
  return [
    `running    pid ${status.pid}, up ${status.uptimeSeconds} s, version ${status.version}`,
    `home       ${status.home}`,
    ...status.addresses.map((address) => `listens    ${address}`),
    `assurance  ${status.assurance}; jail: ${status.jail}`,
    `           not promised: ${status.notPromised}`,
    `policy     ${status.policy.policies} policies, ${status.policy.digest.slice(0, 16)}`,
    `calls      ${status.calls.served} served, ${status.calls.running} running`,
    `log        ${status.log.size} leaves, ${status.log.signedSize} signed, ${status.log.state}`,
    ...witnessLines(status),
    `signer     ${status.signer.kid} (${status.signer.custody})`,
  ];
}

function witnessLines({ log }: StatusReport): readonly string[] {
  if (log.quorum === 0) return [];
  return [
    `witnesses  ${log.quorum} of ${log.witnesses.length} cosign before a checkpoint is published`,
    ...log.witnesses.map(
      ({ name, size, trouble }) => `           ${plain(name)}: ${trouble ?? `${size} leaves`}`,
    ),
  ];
}

function findingLines(findings: readonly Finding[]): readonly string[] {
  const rows = findings.map((one) => [one.state, one.subject, one.text, one.remedy ?? '']);
  return table(['STATE', 'PART', 'FINDING', 'REMEDY'], rows);
}
