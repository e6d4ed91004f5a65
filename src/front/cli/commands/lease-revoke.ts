// `warder lease revoke|revocations`: ending leases, and the list that verifiers without a daemon ask.

import { readFileSync, writeFileSync } from 'node:fs';
import type { Command } from 'commander';
import { parseJson } from '../../../base/encoding/parse-json.ts';
import { WarderError } from '../../../base/errors/errors.ts';
import type { Run } from '../program.ts';

interface RevokeOptions {
  readonly subject?: string;
  readonly holder?: string;
  readonly subtree?: true;
  readonly all?: true;
  readonly tenant?: string;
  readonly reason: string;
}

/** State keys printed of what ended; of more it is said how many. */
const SHOWN = 20;

/** Adds them to `warder lease`. */
export function addRevocationCommands(lease: Command, run: Run): void {
  lease
    .command('revoke')
    .argument('[id]', 'state key (16 digits suffice), or jti of one the daemon issued')
    .option('--subtree', 'with all leases made from it; that is so without saying it too')
    .option('--subject <principal>', 'every lease of a principal')
    .option('--holder <key>', 'thumbprint or public key file: no lease bound to it counts any more')
    .option('--all', 'every lease')
    .option('--tenant <id>', 'of this tenant alone; of every tenant when absent')
    .option('--reason <text>', 'goes on the receipt', 'revoked by the operator')
    .description('end leases now; a running call loses its host calls')
    .action((id: string | undefined, options: RevokeOptions) =>
      run(async ({ operator, out }) => {
        const { subject, holder, all, tenant, reason, subtree } = options;
        if (subtree === true && id === undefined) {
          throw new WarderError('usage', '`--subtree` goes with the lease at its root', {
            hint: '`warder lease revoke ID --subtree`',
          });
        }
        const done = await (
          await operator()
        ).call('lease.revoke', {
          ...(id === undefined ? {} : { id }),
          ...(subject === undefined ? {} : { subject }),
          ...(holder === undefined ? {} : { holder: await readThumbprint(holder) }),
          ...(all === undefined ? {} : { all }),
          ...(tenant === undefined ? {} : { tenant }),
          reason,
        });
        const ended = done.ended.flatMap(({ leases }) => leases);
        out.result(done, [
          ...(done.stateKey === undefined ? [] : [`revoked ${done.stateKey}`]),
          `${ended.length} ended`,
          ...ended.slice(0, SHOWN).map((key) => `  ${key}`),
          ...(ended.length > SHOWN ? [`  and ${ended.length - SHOWN} more`] : []),
        ]);
      }),
    );
  lease
    .command('revocations')
    .option('--tenant <id>', 'whose leases', 'default')
    .option('--out <file>', 'write it there instead of printing it')
    .description('the signed list of what ended, for verifiers without a daemon')
    .action(({ tenant, out: file }: { tenant: string; out?: string }) =>
      run(async ({ operator, out }) => {
        const found = await (await operator()).call('lease.revocations', { tenant });
        if (file === undefined) {
          out.result(found, found.list);
          return;
        }
        writeText(file, `${found.list}\n`);
        out.result(found, `list ${found.seq}, until ${found.nextUpdate}, in ${file}`);
      }),
    );
}

/** The thumbprint given, or that of the key in a file. */
async function readThumbprint(given: string): Promise<string> {
  if (/^[A-Za-z0-9_-]{43}$/.test(given)) return given;
  let text: string;
  try {
    text = readFileSync(given, 'utf8');
  } catch (cause) {
    throw new WarderError('usage', '`--holder` is neither a thumbprint nor a file that is there', {
      cause,
      hint: 'the thumbprint (RFC 7638) has 43 characters',
    });
  }
  const { parseHolderJwk, thumbprint } = await import('../../../trust/lease/holder-jwk.ts');
  const jwk = parseHolderJwk(parseJson(text, { maxBytes: 4096, maxDepth: 4 }));
  if (jwk !== undefined) return thumbprint(jwk);
  throw new WarderError('usage', `\`${given}\` holds no public P-256 or Ed25519 JWK`, {
    hint: '`warder lease key` prints the public half of the key it makes',
  });
}

function writeText(file: string, text: string): void {
  try {
    writeFileSync(file, text);
  } catch (cause) {
    throw new WarderError('usage', `cannot write \`${file}\``, { cause, hint: 'name another' });
  }
}
