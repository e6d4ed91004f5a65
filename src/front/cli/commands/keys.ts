// `warder keys`: what there is, in the forms verifiers take; a new key; another in the place of the current.

import type { Command } from 'commander';
import { parseJson } from '../../../base/encoding/parse-json.ts';
import { WarderError } from '../../../base/errors/errors.ts';
import { parseDuration } from '../../../catalog/measures.ts';
import type { KeySummary } from '../../console/key-summary.ts';
import { collect } from '../collect.ts';
import { readGivenText } from '../given-files.ts';
import { plain } from '../output.ts';
import type { Home } from '../../config/home.ts';
import type { Run } from '../program.ts';
import { addAttestationCommands } from './keys-attest.ts';

interface RotateOptions {
  readonly key?: string;
  readonly grace?: string;
  readonly compromised?: true;
  readonly log?: true;
  readonly offline?: true;
}

/** Adds `keys list|show|create|rotate|jwks|verify-rotation|attest|verify-attestation`. */
export function addKeyCommands(program: Command, run: Run): void {
  const keys = program.command('keys').description('signing keys');
  keys
    .command('list')
    .description('each key with its state and its verifier line (vkey)')
    .action(() =>
      run(async ({ operator, out }) => {
        const { keys: rows } = await (await operator()).call('keys.list', {});
        out.result(rows, rows.flatMap(describe));
      }),
    );
  keys
    .command('show')
    .argument('[name]', '`signing`, `log` or a key id', 'signing')
    .description('one key, and what says that nobody has a copy of it')
    .action((name: string) =>
      run(async ({ operator, out }) => {
        const { keys: rows } = await (await operator()).call('keys.list', {});
        const key = rows.find((row) => row.name === name || row.jwk.kid === name);
        if (key === undefined) {
          throw new WarderError('not-found', `there is no key \`${name}\``, {
            hint: 'see `warder keys list`',
          });
        }
        out.result(key, [...describe(key), ...proofLines(key)]);
      }),
    );
  keys
    .command('create')
    .argument('<uri>', 'key URI, e.g. file:keys/other.key?alg=EdDSA')
    .description('make a key; never over an existing one. Nothing is signed with it yet')
    .action((uri: string) =>
      run(async ({ operator, out }) => {
        const { jwk } = await (await operator()).call('keys.create', { uri });
        out.result(jwk, JSON.stringify(jwk));
      }),
    );
  keys
    .command('rotate')
    .option(
      '--key <uri>',
      'where the new key is or shall be; after a file key a new one by default',
    )
    .option('--grace <duration>', 'how long leases of the old key count; the longest lease at most')
    .option('--compromised', 'nothing under the old key counts any more, from now on')
    .option('--log', 'the key of the log (EdDSA) instead of the one that signs leases')
    .option('--offline', 'of a key that is lost, with `--compromised`; no daemon may run')
    .description('sign with another key from now on; calls go on')
    .action((options: RotateOptions) =>
      run(async ({ operator, operatorIfRunning, out, home }) => {
        const request = rotationRequest(options);
        const done =
          options.offline === true
            ? await rotateOffline(home, options.log === true, request, await operatorIfRunning())
            : await (
                await operator()
              ).call('keys.rotate', { ...request, ...(options.log ? { log: true } : {}) });
        out.result(done, [
          `${done.kid} signs now, in the place of ${done.old}`,
          `  ${done.uri}`,
          ...(options.log === true ? logLines(options) : leaseLines(options, done.graceUntil)),
          ...(done.unfinished === undefined
            ? []
            : [`  the next start finishes it: ${done.unfinished}`]),
        ]);
      }),
    );
  keys
    .command('jwks')
    .description('every key a verifier needs today, with its roles, as a JWKS (RFC 7517)')
    .action(() =>
      run(async ({ operator, out }) => {
        const jwks = await (await operator()).call('keys.jwks', {});
        out.result(jwks, JSON.stringify(jwks, null, 2));
      }),
    );
  keys
    .command('verify-rotation')
    .argument('<jwks>', 'the JWKS of today, with the rotations that led to it')
    .option('--key <file>', 'JWKS that is trusted from before; repeat for more', collect, [])
    .description('whether the keys trusted before lead to those of today; needs no daemon')
    .action((file: string, options: { key: readonly string[] }) =>
      run(async ({ out }) => {
        const kid = await followed(file, options.key);
        out.result({ trusted: kid }, `the rotations lead to ${kid}`);
      }),
    );
  addAttestationCommands(keys, run);
}

function leaseLines({ compromised }: RotateOptions, graceUntil: string): readonly string[] {
  return compromised === true
    ? ['  no lease under the old key counts any more']
    : [`  leases under the old key count until ${graceUntil}`];
}

function logLines({ compromised }: RotateOptions): readonly string[] {
  return compromised === true
    ? [
        '  of heads under the old key only those count that a witness cosigned before',
        '  have proofs made anew, and give verifiers the new `warder keys jwks`',
      ]
    : ["  heads up to now are the old key's for good, larger ones the new key's"];
}

async function rotateOffline(
  home: Home,
  log: boolean,
  request: ReturnType<typeof rotationRequest>,
  running: unknown,
): Promise<{ old: string; kid: string; uri: string; graceUntil: string; unfinished?: string }> {
  if (running !== undefined) {
    throw new WarderError('conflict', 'the daemon runs: it can rotate the key itself', {
      hint: 'leave `--offline` out',
    });
  }
  const { rotateLostKey } = await import('../../daemon/rotate-offline.ts');
  const { graceUntil, ...done } = await rotateLostKey(home, log ? 'log' : 'signing', request);
  return { ...done, graceUntil: new Date(graceUntil * 1000).toISOString() };
}

function describe(key: KeySummary): readonly string[] {
  const { from, to } = key.heads;
  const until = key.state === 'grace' ? ` until ${key.graceUntil ?? ''}` : '';
  return [
    `${key.name}  ${key.jwk.alg}  ${key.jwk.kid}  ${key.state}${until}`,
    `  ${key.uri}`,
    `  ${key.custody}`,
    `  roles: ${key.roles.join(', ')}; heads of ${from} to ${to ?? 'any number of'} leaves`,
    `  ${key.vkey}`,
  ];
}

function proofLines({ proof }: KeySummary): readonly string[] {
  if (proof === undefined) return [];
  const { copies, because, assurance, claims } = proof;
  return [
    `  copies: ${copies}; assurance: ${assurance}`,
    ...because.map((line) => `    ${line}`),
    ...Object.entries(claims).map(([name, value]) =>
      plain(`  claimed: ${name} = ${String(value)}`),
    ),
  ];
}

function rotationRequest({ key, grace, compromised }: RotateOptions): {
  key?: string;
  graceSeconds?: number;
  compromised?: boolean;
} {
  const milliseconds = grace === undefined ? undefined : parseDuration(grace);
  if (grace !== undefined && (milliseconds === undefined || milliseconds % 1000 !== 0)) {
    throw new WarderError('usage', `\`--grace ${grace}\` is no duration in seconds`, {
      hint: 'e.g. `90s`, `15m`, `1h`',
    });
  }
  return {
    ...(key === undefined ? {} : { key }),
    ...(milliseconds === undefined ? {} : { graceSeconds: milliseconds / 1000 }),
    ...(compromised === undefined ? {} : { compromised }),
  };
}

/** Thumbprint of the key that the trusted ones lead to; it has to be the one that the JWKS says signs now. */
async function followed(file: string, trusted: readonly string[]): Promise<string> {
  if (trusted.length === 0) {
    throw new WarderError('usage', 'a rotation is followed from keys that are trusted already', {
      hint: 'give the JWKS you had with `--key FILE`',
    });
  }
  const { loadKeys } = await import('../../../trust/verify/keys.ts');
  const { followRotations } = await import('../../../trust/verify/rotation.ts');
  const text = readGivenText(file);
  const today = await loadKeys([text]);
  const keys = await followRotations(
    parseJson(text),
    await loadKeys(
      trusted.map((path) => readGivenText(path)),
      [],
    ),
  );
  const current = keys.filter(({ roles, retired }) => roles.includes('rotation') && !retired);
  const signing = current.find(({ roles }) => roles.includes('lease'));
  // That of the log as well, if it was trusted before.
  const same = current.every((key) =>
    today.some(({ kid, retired }) => kid === key.kid && retired === undefined),
  );
  if (signing !== undefined && same) return signing.kid;
  throw new WarderError('not-trusted', 'the keys trusted before do not lead to those of the JWKS', {
    hint: 'have the operator give you the keys of today in another way',
  });
}
