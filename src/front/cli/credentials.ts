// What `call` and `mcp` send along to say who asks: from files or inherited descriptors, never from a command line.

import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { systemClock } from '../../base/clock/clock.ts';
import { parseJson } from '../../base/encoding/parse-json.ts';
import { WarderError } from '../../base/errors/errors.ts';
import type { HeldLease } from '../../trust/holder/held-lease.ts';

export interface CredentialOptions {
  readonly lease?: string;
  readonly leaseKey?: string;
  readonly identity?: string;
}

/** What is sent, and, for a lease bound to a key, what signs the proofs. */
export interface HeldCredentials {
  readonly lease?: string;
  readonly identity?: string;
  readonly held?: HeldLease;
}

const KEY_MAX = 4096;

/** Adds the options to a command. */
export function withCredentials(command: Command): Command {
  return command
    .option('--lease <lease>', 'a lease: @FILE or fd:N')
    .option('--lease-key <key>', 'the private key (JWK) the lease is bound to: FILE or fd:N')
    .option('--identity <jwt>', 'a JWT that says who you are: @FILE or fd:N');
}

/** @throws WarderError `usage` for what cannot be read; `malformed` for a lease or key that is none. */
export async function readCredentials(options: CredentialOptions): Promise<HeldCredentials> {
  const { lease, leaseKey, identity } = options;
  if (lease !== undefined && identity !== undefined) {
    throw new WarderError('usage', '`--lease` and `--identity` both say who asks', {
      hint: 'give one of them',
    });
  }
  if (identity !== undefined) return { identity: readText(identity, '--identity') };
  if (lease === undefined) {
    if (leaseKey === undefined) return {};
    throw new WarderError('usage', '`--lease-key` is for a lease', { hint: 'add `--lease @FILE`' });
  }
  const text = readText(lease, '--lease');
  if (leaseKey === undefined) return { lease: text };
  const { importHolderKey } = await import('../../trust/holder/holder-key.ts');
  const { HeldLease: Held } = await import('../../trust/holder/held-lease.ts');
  const key = await importHolderKey(parseJson(await readKey(leaseKey), { maxDepth: 2 }));
  return { lease: text, held: new Held(text, key, () => systemClock.wall()) };
}

/** Text of `@FILE` or an inherited descriptor. */
function readText(source: string, flag: string): string {
  const descriptor = descriptorOf(source);
  if (descriptor === undefined && !source.startsWith('@')) {
    throw new WarderError('usage', `the value of \`${flag}\` is not given on the command line`, {
      hint: `use \`${flag} @FILE\` or \`${flag} fd:N\``,
    });
  }
  try {
    return readFileSync(descriptor ?? source.slice(1), 'utf8').trim();
  } catch (cause) {
    throw unreadable(source, flag, cause);
  }
}

async function readKey(source: string): Promise<Uint8Array> {
  const descriptor = descriptorOf(source);
  if (descriptor === undefined) {
    const { readPrivateFile } = await import('../../trust/signer/file/private-file.ts');
    return readPrivateFile(source.replace(/^@/, ''), 'the key', KEY_MAX);
  }
  try {
    return readFileSync(descriptor);
  } catch (cause) {
    throw unreadable(source, '--lease-key', cause);
  }
}

function descriptorOf(source: string): number | undefined {
  const number = /^fd:(\d{1,4})$/.exec(source)?.[1];
  return number === undefined ? undefined : Number(number);
}

function unreadable(source: string, flag: string, cause: unknown): WarderError {
  return new WarderError('usage', `\`${flag}\`: cannot read \`${source}\``, {
    cause,
    hint: 'name a file, or a descriptor that is open: `fd:3`',
  });
}
