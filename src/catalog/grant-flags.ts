// Reads the grant flags of the command line. Unknown and misspelt ones are errors, never dropped.

import { posix } from 'node:path';
import { WarderError } from '../base/errors/errors.ts';
import type { CallLimits, DirectoryGrant, NetRule, Price, SecretRule } from './installation.ts';
import { formatDuration, formatSize, parseCount, parseDuration, parseSize } from './measures.ts';
import { didYouMean, isCategoryName, showText } from './names.ts';
import { parseNetRule } from './net-rule.ts';
import { readOutputPath } from './output-path.ts';
import { parsePrice } from './price.ts';
import { parseSecretRule } from './secret-rule.ts';

/** One flag, read. */
export type GrantEntry =
  | { readonly flag: 'allow-net' | 'deny-net'; readonly rule: NetRule }
  | { readonly flag: 'allow-read' | 'allow-write'; readonly directory: DirectoryGrant }
  | { readonly flag: 'allow-env' | 'config'; readonly name: string; readonly value?: string }
  | { readonly flag: 'secret'; readonly rule: SecretRule }
  | { readonly flag: 'price'; readonly price: Price }
  | { readonly flag: 'category'; readonly category: string }
  | { readonly flag: 'output-path'; readonly path: string }
  | { readonly flag: 'allow-kv' | 'unsafe-no-jail' }
  | { readonly flag: 'limit'; readonly limit: keyof CallLimits; readonly value: number };

/** Flags in the order they were given. */
export interface GrantFlags {
  readonly entries: readonly GrantEntry[];
}

/** What reading depends on besides the text. */
export interface GrantFlagContext {
  /** Flags name what to take back: values may be left out. */
  readonly removing?: boolean;
  /** Where `--allow-env NAME` without a value takes it from; without this a value is required. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
}

const KiB = 1024;
const MiB = KiB * 1024;
const LIMITS = {
  '--max-memory': {
    limit: 'memoryBytes',
    least: MiB,
    most: 4096 * MiB,
    read: parseSize,
    show: formatSize,
  },
  '--timeout': {
    limit: 'timeoutMs',
    least: 10,
    most: 600_000,
    read: parseDuration,
    show: formatDuration,
  },
  '--max-output': {
    limit: 'outputBytes',
    least: KiB,
    most: 64 * MiB,
    read: parseSize,
    show: formatSize,
  },
  '--max-cpu': {
    limit: 'cpuMs',
    least: 10,
    most: 600_000,
    read: parseDuration,
    show: formatDuration,
  },
  '--max-net': { limit: 'netBytes', least: 0, most: 1024 * MiB, read: parseSize, show: formatSize },
  '--max-requests': { limit: 'requests', least: 0, most: 10_000, read: parseCount, show: String },
  '--max-write': {
    limit: 'writeBytes',
    least: 0,
    most: 16_384 * MiB,
    read: parseSize,
    show: formatSize,
  },
  '--max-files': { limit: 'writeFiles', least: 0, most: 1_000_000, read: parseCount, show: String },
  '--max-kv': { limit: 'kvBytes', least: 0, most: 1024 * MiB, read: parseSize, show: formatSize },
  '--max-host-calls': {
    limit: 'hostCalls',
    least: 0,
    most: 1_000_000,
    read: parseCount,
    show: String,
  },
  '--max-log': { limit: 'logBytes', least: 0, most: 16 * MiB, read: parseSize, show: formatSize },
  '--max-concurrent': {
    limit: 'concurrentCalls',
    least: 1,
    most: 1024,
    read: parseCount,
    show: String,
  },
} as const;

/** Flags that stand alone. */
const BARE = { '--allow-kv': 'allow-kv', '--unsafe-no-jail': 'unsafe-no-jail' } as const;

/** Every grant flag: those that take a value, and those that stand alone. */
export const grantFlags: {
  readonly valued: readonly string[];
  readonly bare: readonly string[];
} = {
  valued: [
    '--allow-net',
    '--deny-net',
    '--allow-read',
    '--allow-write',
    '--allow-env',
    '--config',
    '--secret',
    '--price',
    '--category',
    '--output-path',
    ...Object.keys(LIMITS),
  ],
  bare: Object.keys(BARE),
};

const NAMES = [...grantFlags.valued, ...grantFlags.bare];
const LATER = new Set(['--reuse-instance']);

/**
 * Reads `--flag value` and `--flag=value` words.
 *
 * @throws WarderError `usage` naming the word and, for a slip, what was probably meant.
 */
export function parseGrantFlags(
  words: readonly string[],
  context: GrantFlagContext = {},
): GrantFlags {
  const entries: GrantEntry[] = [];
  for (let at = 0; at < words.length; at += 1) {
    const word = words[at] ?? '';
    const [name, inline] = splitWord(word);
    if (!NAMES.includes(name)) throw unknownFlag(name);
    if (name in BARE) {
      if (inline !== undefined) throw usage(`\`${name}\` takes no value`, 'write it alone');
      entries.push({ flag: BARE[name as keyof typeof BARE] });
      continue;
    }
    const next = words[at + 1];
    if (inline === undefined) {
      // When a limit is taken back its value does not matter.
      const bare =
        context.removing === true &&
        name in LIMITS &&
        (next === undefined || next.startsWith('--'));
      if (!bare) at += 1;
      if (!bare && next === undefined) throw usage(`\`${name}\` needs a value`, example(name));
      entries.push(bare ? limitEntry(name, undefined) : readEntry(name, next ?? '', context));
    } else {
      entries.push(readEntry(name, inline, context));
    }
  }
  return { entries };
}

function splitWord(word: string): readonly [name: string, inline: string | undefined] {
  const equals = word.startsWith('--') ? word.indexOf('=') : -1;
  return equals < 0 ? [word, undefined] : [word.slice(0, equals), word.slice(equals + 1)];
}

function unknownFlag(name: string): WarderError {
  if (LATER.has(name)) {
    return usage(`\`${name}\` is not available in this version`, `grants are ${NAMES.join(', ')}`);
  }
  const near = didYouMean(name, NAMES);
  return usage(
    `\`${showText(name)}\` is not a grant flag`,
    near === undefined ? `grants are ${NAMES.join(', ')}` : `did you mean \`${near}\`?`,
  );
}

function example(name: string): string {
  const examples: Readonly<Record<string, string>> = {
    '--allow-net': "'GET https://api.example.com/v1/**'",
    '--deny-net': "'* https://api.example.com/admin/**'",
    '--allow-read': '/home/me/docs:/docs',
    '--allow-write': '/home/me/out:/out',
    '--allow-env': 'NAME=VALUE',
    '--config': 'KEY=VALUE',
    '--secret': "'API_KEY@GET,https://api.example.com/v1/**:Authorization=Bearer {}'",
    '--price': "'web_fetch=5 EUR'",
    '--category': 'payments',
    '--output-path': "'/items/*/name'",
    '--max-cpu': '2s',
    '--max-requests': '20',
    '--max-write': '10MiB',
    '--max-files': '100',
    '--max-kv': '1MiB',
    '--max-host-calls': '5000',
    '--max-log': '128KiB',
    '--max-concurrent': '4',
    '--max-memory': '64MiB',
    '--timeout': '5s',
    '--max-output': '1MiB',
    '--max-net': '10MiB',
  };
  return `for example \`${name} ${examples[name] ?? ''}\``;
}

const CATEGORY_FORM = 'lower-case letters, digits and `-`, at most 40: `payments`';

function usage(message: string, hint: string): WarderError {
  return new WarderError('usage', message, { hint });
}

function readEntry(name: string, value: string, context: GrantFlagContext): GrantEntry {
  switch (name) {
    case '--allow-net':
    case '--deny-net':
      return { flag: name === '--allow-net' ? 'allow-net' : 'deny-net', rule: parseNetRule(value) };
    case '--allow-read':
    case '--allow-write':
      return {
        flag: name === '--allow-read' ? 'allow-read' : 'allow-write',
        directory: readDirectory(name, value),
      };
    case '--secret':
      return { flag: 'secret', rule: parseSecretRule(value) };
    case '--price':
      return { flag: 'price', price: parsePrice(value) };
    case '--category':
      if (!isCategoryName(value)) {
        throw usage(`\`${showText(value)}\` cannot be a category`, CATEGORY_FORM);
      }
      return { flag: 'category', category: value };
    case '--output-path':
      readOutputPath(value);
      return { flag: 'output-path', path: value };
    case '--allow-env':
    case '--config':
      return readPair(name, value, context);
    default:
      return limitEntry(name, value);
  }
}

function limitEntry(name: string, value: string | undefined): GrantEntry {
  const { limit, least, most, read, show } = LIMITS[name as keyof typeof LIMITS];
  if (value === undefined) return { flag: 'limit', limit, value: least };
  const amount = read(value);
  if (amount === undefined) {
    throw usage(`\`${name} ${showText(value, 40)}\` is not an amount`, example(name));
  }
  if (amount < least || amount > most) {
    throw usage(`\`${name} ${value}\` is out of range`, `between ${show(least)} and ${show(most)}`);
  }
  return { flag: 'limit', limit, value: amount };
}

function readPair(
  name: '--allow-env' | '--config',
  text: string,
  context: GrantFlagContext,
): GrantEntry {
  const flag = name === '--config' ? 'config' : 'allow-env';
  const equals = text.indexOf('=');
  const key = equals < 0 ? text : text.slice(0, equals);
  const pattern = flag === 'config' ? /^[A-Za-z0-9_.-]{1,128}$/ : /^[A-Za-z_][A-Za-z0-9_]{0,127}$/;
  if (!pattern.test(key) || key === '__proto__') {
    throw usage(`\`${showText(key)}\` cannot be the name of a value`, example(name));
  }
  let value = equals < 0 ? undefined : text.slice(equals + 1);
  if (value === undefined && context.removing !== true) {
    const environment = flag === 'allow-env' ? context.environment : undefined;
    value =
      environment !== undefined && Object.hasOwn(environment, key) ? environment[key] : undefined;
    if (value === undefined) throw usage(`\`${name} ${key}\` has no value`, example(name));
  }
  if (value !== undefined && (value.length > 32_768 || value.includes('\0'))) {
    throw usage(`the value of \`${key}\` is too long or holds a NUL`, 'at most 32768 characters');
  }
  return value === undefined ? { flag, name: key } : { flag, name: key, value };
}

function readDirectory(name: string, text: string): DirectoryGrant {
  const split = text.lastIndexOf(':/');
  const host = split > 0 ? text.slice(0, split) : text;
  const guest = split > 0 ? text.slice(split + 1) : `/${posix.basename(host)}`;
  if (!host.startsWith('/') || host.includes('\0')) {
    throw usage(`\`${showText(host, 120)}\` is not an absolute directory`, example(name));
  }
  const normal = posix.normalize(guest).replace(/(?<=.)\/$/, '');
  if (normal !== guest.replace(/(?<=.)\/$/, '') || !/^\/[^\0\p{Cc}]{0,255}$/u.test(guest)) {
    throw usage(
      `\`${showText(guest, 120)}\` cannot be a directory of the guest`,
      'an absolute path without `..`: `HOST_DIR:/name`',
    );
  }
  return { host, guest: normal };
}
