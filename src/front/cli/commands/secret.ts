// `warder secret`: the vault. Values are read from stdin, and never printed or taken as an argument.

import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import type { Command } from 'commander';
import { WarderError } from '../../../base/errors/errors.ts';
import type { SecretSummary } from '../../console/operations.ts';
import { plain, table } from '../output.ts';
import { TENANT, type TenantOption } from '../tenant-option.ts';
import type { Run } from '../program.ts';

/** More than any secret, so that a wrong file is told by its size and not read to its end. */
const MOST_INPUT = 64 << 10;

/** Adds `secret set|list|rotate|remove`. */
export function addSecretCommands(program: Command, run: Run): void {
  const secret = program
    .command('secret')
    .description('secrets that requests are given on their way out');
  for (const [verb, past, description] of [
    ['set', 'set', 'take a new secret from stdin into the vault'],
    ['rotate', 'rotated', 'replace a secret by the value on stdin; the old one is gone'],
  ] as const) {
    secret
      .command(verb)
      .argument('<name>', 'as the rules of `--secret` name it')
      .option(...TENANT)
      .description(description)
      .action((name: string, options: TenantOption) =>
        run(async ({ operator, out }) => {
          const value = await readValue(name);
          const input = { name, valueBase64: value.toString('base64'), ...options };
          value.fill(0);
          const done = await (await operator()).call(`secret.${verb}`, input);
          out.result(done, `${past} ${plain(done.name)} (version ${done.version})`);
        }),
      );
  }
  secret
    .command('list')
    .option(...TENANT)
    .description('names, versions and uses; no values')
    .action((options: TenantOption) =>
      run(async ({ operator, out }) => {
        const { secrets } = await (await operator()).call('secret.list', { ...options });
        out.result(
          secrets,
          table(['NAME', 'VERSION', 'SET', 'USES', 'LAST USED'], rowsOf(secrets)),
        );
      }),
    );
  secret
    .command('remove')
    .argument('<name>')
    .option(...TENANT)
    .description('forget a secret; requests that need it are refused from then on')
    .action((name: string, options: TenantOption) =>
      run(async ({ operator, out }) => {
        const done = await (await operator()).call('secret.remove', { name, ...options });
        out.result(done, `removed ${plain(done.name)}`);
      }),
    );
}

function rowsOf(secrets: readonly SecretSummary[]): readonly (readonly string[])[] {
  return secrets.map(({ name, version, set, uses, lastUsed }) => [
    name,
    String(version),
    set,
    String(uses),
    lastUsed ?? 'never',
  ]);
}

async function readValue(name: string): Promise<Buffer> {
  if (process.stdin.isTTY) return prompt(name);
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of process.stdin) {
    parts.push(part as Buffer);
    size += (part as Buffer).length;
    if (size > MOST_INPUT) {
      throw new WarderError('usage', 'that is too much for a secret', {
        hint: `is it the right file? \`warder secret set ${name} < FILE\``,
      });
    }
  }
  return Buffer.concat(parts);
}

/** Asks on the terminal, which shows nothing of the answer. */
async function prompt(name: string): Promise<Buffer> {
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
  const terminal = createInterface({ input: process.stdin, output: silent, terminal: true });
  try {
    return await new Promise((resolve, reject) => {
      terminal.once('line', (line) => resolve(Buffer.from(line)));
      terminal.once('close', () => {
        const hint = 'type or paste it and press Enter, or pipe it in';
        reject(new WarderError('usage', 'no value was given', { hint }));
      });
      // Only now: what is typed from here on is not echoed.
      process.stderr.write(`value of ${plain(name)} (not shown): `);
    });
  } finally {
    terminal.close();
    process.stderr.write('\n');
  }
}
