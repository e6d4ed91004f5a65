// `warder keys`: public keys, in the forms verifiers take.

import type { Command } from 'commander';
import { WarderError } from '../../../base/errors/errors.ts';
import { ROLES_MEMBER } from '../../../trust/verify/keys.ts';
import type { Run } from '../program.ts';

/** Adds `keys list|show|jwks`. */
export function addKeyCommands(program: Command, run: Run): void {
  const keys = program.command('keys').description('signing keys');
  keys
    .command('list')
    .description('each key with its verifier line (vkey)')
    .action(() =>
      run(async ({ operator, out }) => {
        const { keys: rows } = await (await operator()).call('keys.list', {});
        out.result(
          rows,
          rows.flatMap((key) => [
            `${key.name}  ${key.jwk.alg}  ${key.jwk.kid}`,
            `  ${key.uri}`,
            `  ${key.custody}`,
            `  roles: ${key.roles.join(', ')}`,
            `  ${key.vkey}`,
          ]),
        );
      }),
    );
  keys
    .command('show')
    .argument('<name>', '`signing`, `log` or a key id')
    .description('one key')
    .action((name: string) =>
      run(async ({ operator, out }) => {
        const { keys: rows } = await (await operator()).call('keys.list', {});
        const key = rows.find((row) => row.name === name || row.jwk.kid === name);
        if (key === undefined) {
          throw new WarderError('not-found', `there is no key \`${name}\``, {
            hint: 'see `warder keys list`',
          });
        }
        out.result(key, JSON.stringify(key, null, 2));
      }),
    );
  keys
    .command('jwks')
    .description('the public keys as a JWKS (RFC 7517)')
    .action(() =>
      run(async ({ operator, out }) => {
        const { keys: rows } = await (await operator()).call('keys.list', {});
        const jwks = {
          keys: rows.map((row) => ({ ...row.jwk, use: 'sig', [ROLES_MEMBER]: row.roles })),
        };
        out.result(jwks, JSON.stringify(jwks, null, 2));
      }),
    );
}
