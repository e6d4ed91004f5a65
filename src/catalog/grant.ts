// Grants: the default that grants nothing, how flags change one, and what one says in plain words.

import { WarderError } from '../base/errors/errors.ts';
import type { GrantEntry, GrantFlags } from './grant-flags.ts';
import type { CallLimits, DirectoryGrant, Grant, NetRule, SecretRule } from './installation.ts';
import { formatDuration, formatSize } from './measures.ts';
import { formatNetRule } from './net-rule.ts';
import { formatPrice } from './price.ts';
import { formatSecretRule } from './secret-rule.ts';

const MiB = 1024 ** 2;

export const defaultLimits: CallLimits = Object.freeze({
  memoryBytes: 64 * MiB,
  timeoutMs: 5000,
  cpuMs: 5000,
  outputBytes: MiB,
  netBytes: 10 * MiB,
  requests: 100,
  writeBytes: 64 * MiB,
  writeFiles: 1000,
  kvBytes: 16 * MiB,
  hostCalls: 1000,
  logBytes: 64 * 1024,
  concurrentCalls: 32,
});

/** Every answer is compared with each of them. */
const OUTPUT_PATHS_MAX = 64;

/** Each may have budgets of its own, which every call is counted in. */
const CATEGORIES_MAX = 16;

/** What a tool may do when nothing is granted: compute. */
export const emptyGrant: Grant = Object.freeze({
  allowNet: [],
  denyNet: [],
  read: [],
  write: [],
  env: {},
  kv: false,
  config: {},
  secrets: [],
  prices: [],
  categories: [],
  unsafeNoJail: false,
  limits: defaultLimits,
});

/** A stored grant with what later versions added, denied or at its default. */
export function completeGrant(grant: Partial<Grant>): Grant {
  return { ...emptyGrant, ...grant, limits: { ...defaultLimits, ...grant.limits } };
}

/** How flags are taken: added, taken back, or added to an empty grant. */
export type GrantChange = 'add' | 'remove' | 'reset';

/**
 * The grant after a change. The one given is not touched.
 *
 * @throws WarderError `usage` when something to remove was not granted, or two directories would
 *   stand at one place in the guest.
 */
export function applyGrant(grant: Grant, flags: GrantFlags, change: GrantChange = 'add'): Grant {
  const start = change === 'reset' ? emptyGrant : grant;
  const step = change === 'remove' ? takeBack : add;
  const changed = flags.entries.reduce(step, start);
  checkPlaces(changed.read);
  checkPlaces(changed.write);
  if (changed.categories.length > CATEGORIES_MAX) {
    throw new WarderError('usage', `a package is in at most ${CATEGORIES_MAX} categories`, {
      hint: 'take one back first: `warder tool grant NAME --remove --category OTHER`',
    });
  }
  if ((changed.outputPaths?.length ?? 0) > OUTPUT_PATHS_MAX) {
    throw new WarderError('usage', `a package has at most ${OUTPUT_PATHS_MAX} output paths`, {
      hint: '`*` stands for any member: `/items/*/name`',
    });
  }
  return changed;
}

function add(grant: Grant, entry: GrantEntry): Grant {
  switch (entry.flag) {
    case 'allow-net':
      return { ...grant, allowNet: withRule(grant.allowNet, entry.rule) };
    case 'deny-net':
      return { ...grant, denyNet: withRule(grant.denyNet, entry.rule) };
    case 'allow-read':
      return { ...grant, read: withDirectory(grant.read, entry.directory) };
    case 'allow-write':
      return { ...grant, write: withDirectory(grant.write, entry.directory) };
    case 'allow-env':
      return { ...grant, env: { ...grant.env, [entry.name]: entry.value ?? '' } };
    case 'config':
      return { ...grant, config: { ...grant.config, [entry.name]: entry.value ?? '' } };
    case 'allow-kv':
      return { ...grant, kv: true };
    case 'secret':
      return { ...grant, secrets: withSecret(grant.secrets, entry.rule) };
    case 'price': {
      const others = grant.prices.filter(({ tool }) => tool !== entry.price.tool);
      return { ...grant, prices: [...others, entry.price] };
    }
    case 'category':
      return { ...grant, categories: [...new Set([...grant.categories, entry.category])].sort() };
    case 'output-path':
      return {
        ...grant,
        outputPaths: [...new Set([...(grant.outputPaths ?? []), entry.path])].sort(),
      };
    case 'unsafe-no-jail':
      return { ...grant, unsafeNoJail: true };
    case 'limit':
      return { ...grant, limits: { ...grant.limits, [entry.limit]: entry.value } };
  }
}

function takeBack(grant: Grant, entry: GrantEntry): Grant {
  switch (entry.flag) {
    case 'allow-net':
      return { ...grant, allowNet: withoutRule(grant.allowNet, entry.rule) };
    case 'deny-net':
      return { ...grant, denyNet: withoutRule(grant.denyNet, entry.rule) };
    case 'allow-read':
      return { ...grant, read: withoutDirectory(grant.read, entry.directory) };
    case 'allow-write':
      return { ...grant, write: withoutDirectory(grant.write, entry.directory) };
    case 'allow-env':
      return { ...grant, env: withoutName(grant.env, entry.name, 'environment variable') };
    case 'config':
      return { ...grant, config: withoutName(grant.config, entry.name, 'setting') };
    case 'allow-kv':
      if (!grant.kv) throw notGranted('`--allow-kv`');
      return { ...grant, kv: false };
    case 'secret':
      return { ...grant, secrets: withoutSecret(grant.secrets, entry.rule) };
    case 'price': {
      const text = formatPrice(entry.price);
      const kept = grant.prices.filter((each) => formatPrice(each) !== text);
      if (kept.length === grant.prices.length) throw notGranted(`\`${text}\``);
      return { ...grant, prices: kept };
    }
    case 'category': {
      const { category } = entry;
      if (!grant.categories.includes(category)) throw notGranted(`the category \`${category}\``);
      return { ...grant, categories: grant.categories.filter((each) => each !== category) };
    }
    case 'output-path': {
      const { path } = entry;
      if (grant.outputPaths?.includes(path) !== true)
        throw notGranted(`the output path \`${path}\``);
      // What is left may be no path at all: then nothing of an answer is given.
      return { ...grant, outputPaths: grant.outputPaths.filter((each) => each !== path) };
    }
    case 'unsafe-no-jail':
      if (!grant.unsafeNoJail) throw notGranted('`--unsafe-no-jail`');
      return { ...grant, unsafeNoJail: false };
    case 'limit':
      return { ...grant, limits: { ...grant.limits, [entry.limit]: defaultLimits[entry.limit] } };
  }
}

function withRule(rules: readonly NetRule[], rule: NetRule): readonly NetRule[] {
  const text = formatNetRule(rule);
  return rules.some((each) => formatNetRule(each) === text) ? rules : [...rules, rule];
}

function withoutRule(rules: readonly NetRule[], rule: NetRule): readonly NetRule[] {
  const text = formatNetRule(rule);
  const kept = rules.filter((each) => formatNetRule(each) !== text);
  if (kept.length === rules.length) throw notGranted(`\`${text}\``);
  return kept;
}

function withSecret(rules: readonly SecretRule[], rule: SecretRule): readonly SecretRule[] {
  const text = formatSecretRule(rule);
  return rules.some((each) => formatSecretRule(each) === text) ? rules : [...rules, rule];
}

function withoutSecret(rules: readonly SecretRule[], rule: SecretRule): readonly SecretRule[] {
  const text = formatSecretRule(rule);
  const kept = rules.filter((each) => formatSecretRule(each) !== text);
  if (kept.length === rules.length) throw notGranted(`\`${text}\``);
  return kept;
}

function withDirectory(
  granted: readonly DirectoryGrant[],
  directory: DirectoryGrant,
): readonly DirectoryGrant[] {
  const same = granted.some(
    ({ host, guest }) => host === directory.host && guest === directory.guest,
  );
  return same ? granted : [...granted, directory];
}

function withoutDirectory(
  granted: readonly DirectoryGrant[],
  directory: DirectoryGrant,
): readonly DirectoryGrant[] {
  const kept = granted.filter(({ host }) => host !== directory.host);
  if (kept.length === granted.length) throw notGranted(`\`${directory.host}\``);
  return kept;
}

function withoutName(
  values: Readonly<Record<string, string>>,
  name: string,
  what: string,
): Readonly<Record<string, string>> {
  if (!Object.hasOwn(values, name)) throw notGranted(`the ${what} \`${name}\``);
  return Object.fromEntries(Object.entries(values).filter(([each]) => each !== name));
}

function notGranted(what: string): WarderError {
  return new WarderError('usage', `${what} is not granted, so it cannot be taken back`, {
    hint: '`warder tool show NAME` prints what is granted',
  });
}

function checkPlaces(directories: readonly DirectoryGrant[]): void {
  for (const [index, one] of directories.entries()) {
    for (const other of directories.slice(index + 1)) {
      if (isWithin(one.guest, other.guest) || isWithin(other.guest, one.guest)) {
        throw new WarderError(
          'usage',
          `\`${one.host}\` and \`${other.host}\` would stand at the same place, \`${one.guest}\` and \`${other.guest}\``,
          { hint: 'give one of them another guest directory: `HOST_DIR:/name`' },
        );
      }
    }
  }
}

function isWithin(path: string, directory: string): boolean {
  return directory === '/' || `${path}/`.startsWith(`${directory}/`);
}

/** What a grant allows, one plain sentence part per line, e.g. `read files below …`. Empty: only compute. */
export function describeGrant(grant: Grant): string[] {
  const limits = (Object.keys(LIMIT_WORDS) as (keyof CallLimits)[]).filter(
    (limit) => grant.limits[limit] !== defaultLimits[limit],
  );
  return [
    ...grant.allowNet.map((rule) => `send ${formatNetRule(rule)}`),
    ...grant.denyNet.map((rule) => `never send ${formatNetRule(rule)}`),
    ...grant.read.map(({ host, guest }) => `read files below ${host}, which it sees as ${guest}`),
    ...grant.write.map(({ host, guest }) => `write files below ${host}, which it sees as ${guest}`),
    ...Object.keys(grant.env).map((name) => `see the environment variable ${name}`),
    ...Object.keys(grant.config).map((name) => `see the setting ${name}`),
    ...grant.secrets.map((rule) => `have the secret ${formatSecretRule(rule)}`),
    ...grant.prices.map((price) => `cost ${formatPrice(price)}`),
    ...(grant.categories.length === 0
      ? []
      : [`be judged and counted as ${grant.categories.join(', ')}`]),
    ...(grant.outputPaths === undefined
      ? []
      : [`answer with nothing but ${listed(grant.outputPaths)} of what it says`]),
    ...(grant.unsafeNoJail ? ['run without the jail of the operating system'] : []),
    ...(grant.kv ? ['keep values in a key/value store of its own'] : []),
    ...limits.map((limit) => LIMIT_WORDS[limit](grant.limits[limit])),
  ];
}

function listed(paths: readonly string[]): string {
  return paths.length === 0 ? 'an empty object' : paths.join(', ');
}

const LIMIT_WORDS: Readonly<Record<keyof CallLimits, (value: number) => string>> = {
  memoryBytes: (value) => `use up to ${formatSize(value)} of memory`,
  timeoutMs: (value) => `run up to ${formatDuration(value)} per call`,
  cpuMs: (value) => `compute up to ${formatDuration(value)} per call`,
  outputBytes: (value) => `answer with up to ${formatSize(value)}`,
  netBytes: (value) => `transfer up to ${formatSize(value)} over the network per call`,
  requests: (value) => `send up to ${String(value)} requests per call`,
  writeBytes: (value) => `write up to ${formatSize(value)} to files per call`,
  writeFiles: (value) => `make up to ${String(value)} files per call`,
  kvBytes: (value) => `keep up to ${formatSize(value)} in its key/value store`,
  hostCalls: (value) => `call the host up to ${String(value)} times per call`,
  logBytes: (value) => `log up to ${formatSize(value)} per call`,
  concurrentCalls: (value) => `run up to ${String(value)} calls at once`,
};
