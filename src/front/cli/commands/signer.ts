// `warder signer init|add-key|new-log|serve`: the signer as a process of its own.

import { resolve } from 'node:path';
import type { Command } from 'commander';
import { WarderError } from '../../../base/errors/errors.ts';
import { parseCount, parseDuration } from '../../../catalog/measures.ts';
import type { SignerWish } from '../../signing/init-signer.ts';
import { packageVersion, type Run } from '../program.ts';

interface InitOptions {
  readonly state: string;
  readonly key?: string;
  readonly logKey?: string;
  readonly origin?: string;
  readonly listen: readonly string[];
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly tlsCa?: string;
  readonly maxTtl?: string;
  readonly maxBearerTtl?: string;
  readonly maxLife?: string;
  readonly maxDepth?: string;
  readonly maxRate?: string;
  readonly existingKeys?: true;
}

/** Adds the commands. */
export function addSignerCommands(program: Command, run: Run): void {
  const signer = program
    .command('signer')
    .description(
      'the signer as a process of its own: keys, memory and ceilings apart from the daemon',
    );
  const list = (value: string, before: readonly string[]): readonly string[] => [...before, value];
  signer
    .command('init')
    .requiredOption('--state <dir>', 'its state directory: new, or empty')
    .option('--key <uri>', 'key URI of the signing key (ES256); a file key in DIR by default')
    .option('--log-key <uri>', 'key URI of the log key (EdDSA)')
    .option('--origin <name>', 'name of the log; after the log key by default')
    .option(
      '--listen <address>',
      'unix:PATH or https://HOST:PORT; DIR/signer.sock by default',
      list,
      [],
    )
    .option('--tls-cert <path>', 'its certificate, for https')
    .option('--tls-key <path>', 'the private key of it')
    .option('--tls-ca <path>', 'the CA whose clients are let in')
    .option('--max-ttl <duration>', 'longest life of a lease')
    .option('--max-bearer-ttl <duration>', 'the same without a holder; 0s: none is signed')
    .option('--max-life <duration>', 'how long a lease may be signed anew')
    .option('--max-depth <n>', 'deepest lease that may be made from one, 0 to 4')
    .option('--max-rate <n>', 'leases a minute')
    .option('--existing-keys', 'take keys that are there, and never signed for a log')
    .description('make its keys and its memory of an empty log; never over anything')
    .action((options: InitOptions) =>
      run(async ({ out }) => {
        const { initSigner } = await import('../../signing/init-signer.ts');
        const wish = await wishOf(options);
        const config = await initSigner(resolve(options.state), wish);
        const kids = { signing: config.keys[0]?.kid, log: config.logKey.kid };
        out.result({ state: resolve(options.state), origin: config.origin, kids }, [
          `made a signer in ${resolve(options.state)}`,
          `  signs for ${config.origin}`,
          `start it:   warder signer serve --state ${options.state}`,
        ]);
      }),
    );
  signer
    .command('add-key')
    .requiredOption('--state <dir>', 'its state directory')
    .option(
      '--key <uri>',
      'where the key is or shall be; after a file key a new one in DIR by default',
    )
    .option(
      '--role <role>',
      '`signing` (ES256), or `log` (EdDSA) for the key of the log',
      'signing',
    )
    .description('make a key that may come next: it signs after `warder keys rotate [--log]`')
    .action((options: { state: string; key?: string; role: string }) =>
      run(async ({ out }) => {
        const { addSignerKey } = await import('../../signing/init-signer.ts');
        const role = readRole(options.role);
        const pin = await addSignerKey(resolve(options.state), options.key, role);
        out.result(pin, [
          `key ${pin.kid}`,
          `start the signer again, then rotate to it: warder keys rotate${role === 'log' ? ' --log' : ''}`,
        ]);
      }),
    );
  signer
    .command('new-log')
    .requiredOption('--state <dir>', 'its state directory')
    .requiredOption('--end <origin>', 'the log to end: `warder receipts new-log` says which')
    .description('end a log whose leaves are lost, for good, and begin the next; it must not run')
    .action((options: { state: string; end: string }) =>
      run(async ({ out }) => {
        const { beginNextLog } = await import('../../signing/next-log.ts');
        const { origin, before, kids } = await beginNextLog(resolve(options.state), options.end);
        const ended = before && { ...before, root: Buffer.from(before.root).toString('hex') };
        out.result({ origin, kids, ...(ended === undefined ? {} : { before: ended }) }, [
          `begun: ${origin}`,
          ...(before === undefined
            ? ['  what was signed of the log before is lost']
            : [`  nothing is signed any more for ${before.origin}, of ${before.size} leaves`]),
          'start the signer again, then take the new log up: warder receipts new-log --reason TEXT',
        ]);
      }),
    );
  signer
    .command('serve')
    .requiredOption('--state <dir>', 'its state directory')
    .option('--listen <address>', 'in the place of what signer.json says', list, [])
    .description('run the signer in the foreground until SIGTERM')
    .action((options: { state: string; listen: readonly string[] }) =>
      run(async ({ out }) => {
        const { parseListenAddress } = await import('../../signing/listen-address.ts');
        const { serveSigner } = await import('../../signing/serve-signer.ts');
        process.umask(0o077);
        const listen = options.listen.map(parseListenAddress);
        return serveSigner(resolve(options.state), {
          version: packageVersion(),
          ...(listen.length === 0 ? {} : { listen }),
          onReady: ({ origin, addresses }) =>
            out.result({ ready: { pid: process.pid, origin, addresses } }, [
              `ready  pid ${process.pid}, signs for ${origin}`,
              ...addresses.map((address) => `listens    ${address}`),
            ]),
        });
      }),
    );
}

function readRole(text: string): 'signing' | 'log' {
  if (text === 'signing' || text === 'log') return text;
  throw new WarderError('usage', `\`${text.slice(0, 40)}\` is no role of a key`, {
    hint: 'it is `signing` or `log`',
  });
}

async function wishOf(options: InitOptions): Promise<SignerWish> {
  const { parseListenAddress } = await import('../../signing/listen-address.ts');
  const { key, logKey, origin, existingKeys, tlsCert, tlsKey, tlsCa } = options;
  const named = [tlsCert, tlsKey, tlsCa];
  if (named.some((path) => path !== undefined) && named.includes(undefined)) {
    throw new WarderError('usage', 'certificate, key and CA belong together', {
      hint: 'give `--tls-cert`, `--tls-key` and `--tls-ca`',
    });
  }
  return {
    ...(key === undefined ? {} : { key }),
    ...(logKey === undefined ? {} : { logKey }),
    ...(origin === undefined ? {} : { origin }),
    ...(existingKeys === undefined ? {} : { existingKeys }),
    listen: options.listen.map(parseListenAddress),
    ...(tlsCert === undefined || tlsKey === undefined || tlsCa === undefined
      ? {}
      : { tls: { cert: resolve(tlsCert), key: resolve(tlsKey), ca: resolve(tlsCa) } }),
    ceilings: {
      ...seconds('ttl', options.maxTtl),
      ...seconds('bearerTtl', options.maxBearerTtl),
      ...seconds('maxLife', options.maxLife),
      ...whole('depth', options.maxDepth),
      ...whole('leasesPerMinute', options.maxRate),
    },
  };
}

function seconds(name: string, text: string | undefined): Readonly<Record<string, number>> {
  if (text === undefined) return {};
  const ms = parseDuration(text);
  if (ms === undefined) throw notSaid(text, 'a time is like `300s`, `15m` or `24h`');
  return { [name]: Math.floor(ms / 1000) };
}

function whole(name: string, text: string | undefined): Readonly<Record<string, number>> {
  if (text === undefined) return {};
  const count = parseCount(text);
  if (count === undefined) throw notSaid(text, 'give a whole number');
  return { [name]: count };
}

function notSaid(text: string, hint: string): WarderError {
  return new WarderError('usage', `\`${text.slice(0, 40)}\` says no ceiling`, { hint });
}
