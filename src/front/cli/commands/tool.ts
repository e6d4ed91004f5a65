// `warder tool`: installing packages and granting what they may do.

import { readFileSync, statSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import type { Command } from 'commander';
import { WarderError } from '../../../base/errors/errors.ts';
import { grantFlags } from '../../../catalog/grant-flags.ts';
import type { Installation } from '../../../catalog/installation.ts';
import { collect } from '../collect.ts';
import { plain, table } from '../output.ts';
import { TENANT, type TenantOption } from '../tenant-option.ts';
import type { Run } from '../program.ts';

type GrantOptions = Readonly<Record<string, readonly string[] | string | true | undefined>>;

/** Adds `tool add|list|show|inspect|grant|enable|disable|remove`. */
export function addToolCommands(program: Command, run: Run): void {
  const tool = program.command('tool').description('tool packages and their grants');
  withGrantFlags(tool.command('add'))
    .argument('<path>', 'a .wasm file, or a package directory')
    .option('--name <name>', 'what to call it here')
    .option(...TENANT)
    .description('admit a package; it may do nothing but what the flags grant')
    .action((path: string, options: GrantOptions & TenantOption & { name?: string }) =>
      run(async ({ operator, out }) => {
        const source = readPackage(path);
        const added = await (
          await operator()
        ).call('tool.add', {
          name: options.name ?? source.name,
          wasmBase64: source.wasm.toString('base64'),
          flags: toFlags(options),
          ...tenantOf(options),
        });
        for (const warning of added.warnings) out.note(`warning: ${plain(warning)}`);
        out.result(added, [
          `added ${added.installation.name} (${added.installation.id})`,
          ...describe(added.installation, added.grant),
        ]);
      }),
    );
  tool
    .command('list')
    .option(...TENANT)
    .description('installed packages')
    .action((options: TenantOption) =>
      run(async ({ operator, out }) => {
        const { installations } = await (await operator()).call('tool.list', { ...options });
        const rows = installations.map((one) => [
          one.name,
          one.enabled ? 'enabled' : one.disabledFor === undefined ? 'disabled' : 'quarantined',
          one.engine,
          one.digest.slice(0, 16),
          one.tools.map((each) => each.name).join(' '),
        ]);
        const header = ['NAME', 'STATE', 'ENGINE', 'DIGEST', 'TOOLS'];
        out.result(installations, table(header, rows));
      }),
    );
  for (const verb of ['show', 'inspect'] as const) {
    tool
      .command(verb)
      .argument('<name>')
      .option(...TENANT)
      .description(verb === 'show' ? 'one package and its grant' : 'its imports and schemas too')
      .action((name: string, options: TenantOption) =>
        run(async ({ operator, out }) => {
          const found = await (await operator()).call('tool.show', { name, ...options });
          const lines = describe(found.installation, found.grant);
          out.result(found, verb === 'show' ? lines : [...lines, ...inside(found.installation)]);
        }),
      );
  }
  withGrantFlags(tool.command('grant'))
    .argument('<name>')
    .option('--remove', 'take the named grants back')
    .option('--reset', 'take everything back first')
    .option(...TENANT)
    .description('widen, narrow or reset what a package may do, from the next call on')
    .action(
      (name: string, options: GrantOptions & TenantOption & { remove?: true; reset?: true }) =>
        run(async ({ operator, out }) => {
          if (options.remove === true && options.reset === true) {
            throw new WarderError('usage', '`--remove` and `--reset` exclude each other', {
              hint: '`--reset` takes everything back, then applies the other flags',
            });
          }
          const change =
            options.remove === true ? 'remove' : options.reset === true ? 'reset' : 'add';
          const flags = toFlags(options);
          const input = { name, change, flags, ...tenantOf(options) } as const;
          const done = await (await operator()).call('tool.grant', input);
          for (const warning of done.warnings) out.note(`warning: ${plain(warning)}`);
          out.result(done, describe(done.installation, done.grant));
        }),
    );
  for (const [verb, past] of [
    ['enable', 'enabled'],
    ['disable', 'disabled'],
    ['remove', 'removed'],
  ] as const) {
    tool
      .command(verb)
      .argument('<name>')
      .option(...TENANT)
      .description(`${verb} a package`)
      .action((name: string, options: TenantOption) =>
        run(async ({ operator, out }) => {
          const done = await (await operator()).call(`tool.${verb}`, { name, ...options });
          out.result(done, `${past} ${done.name}`);
        }),
      );
  }
}

function tenantOf({ tenant }: TenantOption): TenantOption {
  return tenant === undefined ? {} : { tenant };
}

function withGrantFlags(command: Command): Command {
  for (const flag of grantFlags.valued) {
    command.option(`${flag} <value>`, 'grant flag, repeatable', collect);
  }
  for (const flag of grantFlags.bare) command.option(flag, 'grant flag');
  return command;
}

function toFlags(options: GrantOptions): string[] {
  const flags: string[] = [];
  for (const flag of grantFlags.valued) {
    const values = options[propertyOf(flag)];
    if (!Array.isArray(values)) continue;
    for (const value of values as readonly string[]) {
      flags.push(flag, expand(flag.slice(2), value, options['remove'] === true));
    }
  }
  for (const flag of grantFlags.bare) if (options[propertyOf(flag)] === true) flags.push(flag);
  return flags;
}

/** `--allow-kv` is `allowKv` among commander's options. */
function propertyOf(flag: string): string {
  return flag.slice(2).replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

/** The daemon runs elsewhere: directories are made absolute and variables given their value here. */
function expand(flag: string, value: string, removing: boolean): string {
  if (flag === 'allow-env' && !removing && !value.includes('=')) {
    const own = process.env[value];
    if (own !== undefined) return `${value}=${own}`;
    throw new WarderError('usage', `there is no environment variable \`${value}\` to take over`, {
      hint: 'give the value: `--allow-env NAME=VALUE`',
    });
  }
  if (flag !== 'allow-read' && flag !== 'allow-write') return value;
  const split = value.lastIndexOf(':/');
  if (split <= 0) return resolve(value);
  return `${resolve(value.slice(0, split))}${value.slice(split)}`;
}

/** The package at `path`: a module or component, or a directory with NAME.wasm. */
function readPackage(path: string): { name: string; wasm: Buffer } {
  try {
    if (statSync(path).isDirectory()) {
      const name = basename(resolve(path));
      return { name, wasm: readFileSync(join(path, `${name}.wasm`)) };
    }
    return { name: basename(path).replace(/\.wasm$/, ''), wasm: readFileSync(path) };
  } catch (cause) {
    throw new WarderError('usage', `cannot read a package from \`${path}\``, {
      cause,
      hint: 'name a .wasm file, or a directory that holds one of its own name',
    });
  }
}

function describe(installation: Installation, grant: readonly string[]): readonly string[] {
  return [
    `  digest   ${installation.digest}`,
    `  engine   ${installation.engine}, ${installation.size} bytes${installation.enabled ? '' : ` (${disabled(installation)})`}`,
    ...installation.tools.map(
      (tool) => `  tool     ${plain(tool.name)}: ${plain(tool.description.split('\n')[0] ?? '')}`,
    ),
    ...(grant.length === 0
      ? ['  may      only compute']
      : grant.map((line) => `  may      ${plain(line)}`)),
  ];
}

function disabled({ disabledFor }: Installation): string {
  return disabledFor === undefined ? 'disabled' : `disabled by warder: ${disabledFor}`;
}

function inside(installation: Installation): readonly string[] {
  return [
    ...installation.imports.map((name) => `  imports  ${plain(name)}`),
    ...installation.tools.map(
      (tool) => `  schema   ${plain(tool.name)} ${plain(JSON.stringify(tool.inputSchema))}`,
    ),
  ];
}
