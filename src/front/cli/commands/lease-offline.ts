// `warder lease key|verify|check|delegate`: what can be done with a lease where there is no daemon.

import type { Command } from 'commander';
import { systemClock } from '../../../base/clock/clock.ts';
import type { JsonObject } from '../../../base/encoding/json.ts';
import { isJsonObject } from '../../../base/encoding/json.ts';
import { parseJson } from '../../../base/encoding/parse-json.ts';
import { decodeUtf8 } from '../../../base/encoding/utf8.ts';
import { WarderError } from '../../../base/errors/errors.ts';
import type { Action } from '../../../trust/lease/action.ts';
import { readPrivateFile, writePrivateFile } from '../../../trust/signer/file/private-file.ts';
import { collect } from '../collect.ts';
import { readGivenText } from '../given-files.ts';
import type { Context } from '../context.ts';
import { plain } from '../output.ts';
import type { Run } from '../program.ts';

interface VerifyOptions {
  readonly key: readonly string[];
  readonly origin: string;
  readonly revocations?: string;
  readonly maxAge?: string;
  readonly atLeast?: string;
}

interface DelegateOptions {
  readonly agent: string;
  readonly keyFile?: string;
  readonly to: string;
  readonly capabilities?: string;
  readonly ttl?: string;
  readonly maxUses?: string;
  readonly maxBytes?: string;
  readonly levels?: string;
}

const KEY_BYTES_MAX = 4096;
/** Members an action has besides its type. */
const ACTIONS: Readonly<Record<string, readonly string[]>> = {
  'tool.call': ['tool', 'arguments'],
  'fs.read': ['path'],
  'fs.write': ['path'],
  'http.call': ['method', 'url'],
  spend: ['currency', 'amount'],
  credential: ['name'],
  'lease.refresh': [],
};

/** Adds them to `warder lease`. */
export function addOfflineLeaseCommands(lease: Command, run: Run): void {
  lease
    .command('key')
    .argument('<file>', 'where the private key goes; it must not exist')
    .option('--alg <algorithm>', 'ES256 or EdDSA', 'ES256')
    .description('make the key of a holder; prints the public half')
    .action((file: string, { alg }: { alg: string }) =>
      run(async ({ out }) => {
        if (alg !== 'ES256' && alg !== 'EdDSA') usage('`--alg` is ES256 or EdDSA');
        const { generateHolderKey } = await import('../../../trust/holder/holder-key.ts');
        const key = await generateHolderKey(alg);
        const text = `${JSON.stringify(key.exportPrivate())}\n`;
        writePrivateFile(file, 'the key', new TextEncoder().encode(text));
        out.result({ jwk: key.jwk, jkt: key.jkt }, JSON.stringify(key.jwk));
      }),
    );
  withTrust(lease.command('verify'))
    .description('check a lease and its chain with the public keys of its issuer alone')
    .action((file: string, options: VerifyOptions) =>
      run(async ({ out }) => {
        const { claims, stateKey, chain, needsOnline, list } = await verified(file, options);
        const judged = list === undefined ? 'not asked' : 'not revoked';
        const result = {
          stateKey,
          depth: chain.length - 1,
          needsOnline,
          revocation: judged,
          // What to give as `--at-least` the next time.
          ...(list === undefined ? {} : { list: list.seq }),
          claims,
        };
        out.result(result, [
          `verified: ${stateKey}, ${chain.length - 1} below its root; ${judged}${
            list === undefined ? '' : ` by list ${list.seq}`
          }`,
          ...(needsOnline.length === 0
            ? []
            : [`only a daemon can honour ${needsOnline.join(', ')}`]),
          plain(JSON.stringify(claims)),
        ]);
      }),
    );
  withTrust(lease.command('check'))
    .requiredOption('--action <json>', 'e.g. {"type":"fs.read","path":"/data/x"}')
    .description('whether a lease lets its holder do something now; spends nothing')
    .action((file: string, options: VerifyOptions & { action: string }) =>
      run(async ({ out }) => {
        const action = readAction(options.action);
        const { chain } = await verified(file, options);
        const { covers } = await import('../../../trust/lease/action.ts');
        const now = systemClock.wall();
        const covered = chain.every(({ claims }) =>
          covers(claims.authorization_details, action, now),
        );
        if (!covered) {
          throw new WarderError('lease-refused', 'the lease does not cover this', {
            hint: '`warder lease verify` shows what it covers',
          });
        }
        out.result({ covered }, 'covered');
      }),
    );
  lease
    .command('delegate')
    .argument(
      '<lease>',
      'its file, `-` for standard input; or `lreq_…`, of which the daemon makes it',
    )
    .option('--key-file <file>', 'private key the lease is bound to; the daemon needs none')
    .requiredOption('--to <file>', 'public key (JWK) of the one who gets the new lease')
    .option('--agent <name>', 'whose socket to ask through, with `lreq_…`', 'default')
    .option('--capabilities <json>', 'a list within that of the lease; all of it when absent')
    .option('--ttl <seconds>', 'to the end of the lease when absent')
    .option('--max-uses <n>')
    .option('--max-bytes <n>')
    .option('--levels <n>', 'how often it may be delegated further', '0')
    .description('make a narrower lease, offline or at the daemon; prints it')
    .action((file: string, options: DelegateOptions) =>
      run(async (context) => {
        if (file.startsWith('lreq_')) return delegatedAtDesk(context, file, options);
        const text = await delegated(file, options);
        context.out.result({ lease: text }, text);
        return 0;
      }),
    );
}

function withTrust(command: Command): Command {
  return command
    .argument('<file>', 'the lease; `-` reads it from standard input')
    .requiredOption('--origin <origin>', 'log origin of the daemon it is for')
    .option('--key <file>', 'JWKS or PEM file of its issuer; repeat for more', collect, [])
    .option('--revocations <file>', 'revocation list; then whatever needs a daemon is refused')
    .option('--max-age <seconds>', 'oldest revocation list that is taken')
    .option('--at-least <seq>', 'number of the last list you saw; one before it is refused');
}

async function verified(file: string, options: VerifyOptions) {
  if (options.key.length === 0) {
    usage('a lease is verified with the keys you trust', 'give each with `--key FILE`');
  }
  const { loadKeys } = await import('../../../trust/verify/keys.ts');
  const { verifyLease } = await import('../../../trust/lease/verify-lease.ts');
  const keys = await loadKeys(
    options.key.map((path) => readGivenText(path)),
    ['lease', 'revocations'],
  );
  const text = readGivenText(file).trim();
  const expected = { now: systemClock.wall(), audience: options.origin };
  if (options.revocations === undefined) {
    if (options.maxAge !== undefined || options.atLeast !== undefined) {
      usage(
        '`--max-age` and `--at-least` are about a revocation list',
        'give `--revocations FILE`',
      );
    }
    return { ...(await verifyLease(text, keys, expected)), list: undefined };
  }
  const { verifyOffline } = await import('../../../trust/lease/verify-offline.ts');
  const maxAge = optionalCount('--max-age', options.maxAge);
  const atLeast = optionalCount('--at-least', options.atLeast);
  const { lease, revocations } = await verifyOffline(text, keys, {
    ...expected,
    revocations: readGivenText(options.revocations).trim(),
    ...(maxAge === undefined ? {} : { maxAgeSeconds: maxAge }),
    ...(atLeast === undefined ? {} : { atLeast }),
  });
  return { ...lease, list: revocations };
}

async function delegatedAtDesk(
  context: Context,
  handle: string,
  { keyFile, to, levels, ...more }: DelegateOptions,
): Promise<number> {
  if (keyFile !== undefined) usage('`--key-file` signs offline: the daemon makes this one');
  const { delegateAtDesk } = await import('./lease-desk.ts');
  const depth = levels === undefined ? {} : { maxDepth: levels };
  return delegateAtDesk(context, handle, { ...more, ...depth, holderKey: to });
}

async function delegated(file: string, options: DelegateOptions): Promise<string> {
  const { keyFile } = options;
  if (keyFile === undefined) usage('offline it takes `--key-file`, the key the lease is bound to');

  const { importHolderKey } = await import('../../../trust/holder/holder-key.ts');
  const { narrowLease } = await import('../../../trust/holder/narrow.ts');
  const { parseCapabilities } = await import('../../../trust/lease/capability.ts');
  const { parseHolderJwk } = await import('../../../trust/lease/holder-jwk.ts');
  const bytes = readPrivateFile(keyFile, 'the key', KEY_BYTES_MAX);
  const key = await importHolderKey(parseJson(decodeUtf8(bytes)));
  const holder = parseHolderJwk(parseJson(readGivenText(options.to)));
  if (holder === undefined) usage('`--to` names no public P-256 or Ed25519 JWK');
  const ttlSeconds = optionalCount('--ttl', options.ttl);
  const maxUses = optionalCount('--max-uses', options.maxUses);
  const maxBytes = optionalCount('--max-bytes', options.maxBytes);
  const levels = optionalCount('--levels', options.levels);
  const terms = {
    holder,
    ...(options.capabilities === undefined
      ? {}
      : { capabilities: parseCapabilities(parseJson(options.capabilities)) }),
    ...(ttlSeconds === undefined ? {} : { ttlSeconds }),
    ...(maxUses === undefined ? {} : { maxUses }),
    ...(maxBytes === undefined ? {} : { maxBytes }),
    ...(levels === undefined ? {} : { levels }),
  };
  return narrowLease(readGivenText(file).trim(), key, terms, systemClock.wall());
}

function readAction(text: string): Action {
  const json = parseJson(text);
  const type = isJsonObject(json) ? json['type'] : undefined;
  const members = typeof type === 'string' && Object.hasOwn(ACTIONS, type) && ACTIONS[type];
  if (!isJsonObject(json) || members === false || members === undefined) {
    usage(`\`--action\` has a \`type\`, one of ${Object.keys(ACTIONS).join(', ')}`);
  }
  const wanted = ['type', ...members].sort().join();
  const whole = { ...(type === 'tool.call' ? { arguments: {} } : {}), ...json };
  const fits =
    Object.keys(whole).sort().join() === wanted && members.every((name) => isMember(name, whole));
  if (!fits) usage(`an action of type \`${type}\` has ${members.join(' and ')}`);
  // Each member was checked against the table of its type.
  return whole as unknown as Action;
}

function isMember(name: string, action: JsonObject): boolean {
  if (name === 'arguments') return isJsonObject(action[name]);
  return typeof action[name] === (name === 'amount' ? 'number' : 'string');
}

function optionalCount(flag: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^\d{1,15}$/.test(text)) usage(`\`${flag}\` takes a whole number`);
  return Number(text);
}

function usage(message: string, hint = '`--help` shows what it takes'): never {
  throw new WarderError('usage', message, { hint });
}
