// signer.json: what a signer process is told by its operator, and by nobody else. Read once, at its start.

import { join } from 'node:path';
import { isRemote, parseKeyUri } from '../../trust/signer/key-uri.ts';
import { signingKeyRoles } from '../../trust/signer/roles.ts';
import type { SignKind } from '../../trust/signer/signer.ts';
import type { KeyPin } from '../config/config.ts';
import { Checker } from '../config/checker.ts';
import { checkConfigText, readConfigText } from '../config/config-file.ts';
import { type Ceilings, defaultCeilings } from './ceilings.ts';
import { type ListenAddress, parseListenAddress } from './listen-address.ts';

/** A key of a signer process. */
export interface OwnKey extends KeyPin {
  /** What it may sign at most; everything of its role when absent. */
  readonly kinds?: readonly SignKind[];
  /** It is one of the log's; of those that sign leases when absent. */
  readonly role?: 'log';
  /** It is not there any more and signs nothing: another has to take its place. */
  readonly lost?: true;
}

/** Certificates of the listener that others reach over the network. Absolute paths of PEM files. */
export interface TlsFiles {
  readonly cert: string;
  readonly key: string;
  /** Whose clients are let in. */
  readonly ca: string;
}

export interface SignerConfig {
  readonly version: 1;
  /** The log it signs for, and the only audience of its leases. */
  readonly origin: string;
  /** The first signing key, and those of both roles that came or may come later. */
  readonly keys: readonly OwnKey[];
  /** The first key of the log. */
  readonly logKey: OwnKey;
  /** Directory of its memory below the state, of a log that was not its first; else the state itself. */
  readonly memory?: string;
  readonly pkcs11: { readonly modules: readonly string[] };
  readonly listen: readonly ListenAddress[];
  readonly tls?: TlsFiles;
  readonly ceilings: Ceilings;
}

/** Files of the state directory of a signer process. */
export interface SignerState {
  readonly root: string;
  readonly config: string;
  readonly socket: string;
}

/** @param root absolute. */
export function signerState(root: string): SignerState {
  return { root, config: join(root, 'signer.json'), socket: join(root, 'signer.sock') };
}

/** Files of what a signer process remembers of one log. */
export interface LogMemoryFiles {
  /** Its memory of the log. */
  readonly memory: string;
  /** Which of its keys signs, and which did. */
  readonly succession: string;
}

/** @param directory as {@link SignerConfig.memory} names it. */
export function memoryFiles({ root }: SignerState, directory = ''): LogMemoryFiles {
  return {
    memory: join(root, directory, 'memory.json'),
    succession: join(root, directory, 'succession.json'),
  };
}

/**
 * Reads and checks `signer.json`.
 *
 * @throws WarderError `usage` that lists every bad path; `unavailable` when the file cannot be read.
 */
export function readSignerConfig({ config: path }: SignerState): SignerConfig {
  const text = readConfigText(path, 'make the signer: `warder signer init --state DIR`');
  return parseSignerConfig(text, path);
}

/** {@link readSignerConfig} on text; `path` is for messages. */
export function parseSignerConfig(text: string, path: string): SignerConfig {
  return checkConfigText(text, new SignerChecker(), {
    path,
    noun: 'a config of a signer',
    remedy: 'see docs/keys/remote.md; mend it or restore a copy',
  });
}

class SignerChecker extends Checker {
  config(json: unknown): SignerConfig {
    const top = this.object(json, '', [
      'version',
      'origin',
      'keys',
      'logKey',
      'memory',
      'pkcs11',
      'listen',
      'tls',
      'ceilings',
    ]);
    if (top['version'] !== 1) this.problem('`version` must be 1');
    const pkcs11 = this.object(top['pkcs11'] ?? {}, 'pkcs11', ['modules']);
    const listen = this.texts(top['listen'], 'listen').flatMap((address, at) =>
      this.address(address, `listen[${at}]`),
    );
    const tls = top['tls'] === undefined ? undefined : this.tls(top['tls']);
    if (tls === undefined && listen.some(({ scheme }) => scheme === 'https')) {
      this.problem('`tls` is needed to listen on https');
    }
    return {
      version: 1,
      origin: this.text(top['origin'], 'origin'),
      keys: this.keys(top['keys']),
      logKey: this.key(top['logKey'], 'logKey'),
      ...(top['memory'] === undefined ? {} : { memory: this.memory(top['memory']) }),
      pkcs11: { modules: this.absolutePaths(pkcs11['modules'] ?? [], 'pkcs11.modules') },
      listen,
      ...(tls === undefined ? {} : { tls }),
      ceilings: this.ceilings(top['ceilings'] ?? {}),
    };
  }

  keys(json: unknown): readonly OwnKey[] {
    if (!Array.isArray(json) || json.length === 0 || json.length > 1000) {
      this.problem('`keys` must be a list of keys');
      return [];
    }
    const keys = json.map((each: unknown, at) => this.key(each, `keys[${at}]`));
    if (new Set(keys.map(({ kid }) => kid)).size < keys.length) this.problem('`keys`: one twice');
    return keys;
  }

  key(json: unknown, at: string): OwnKey {
    const key = this.object(json, at, ['uri', 'kid', 'kinds', 'role', 'lost']);
    const uri = this.text(key['uri'], `${at}.uri`);
    try {
      if (isRemote(parseKeyUri(uri))) this.problem(`\`${at}.uri\` is another signer process`);
    } catch (error) {
      this.problem(`\`${at}.uri\`: ${error instanceof Error ? error.message : String(error)}`);
    }
    const { kinds, role, lost } = key;
    if (role !== undefined && role !== 'log') this.problem(`\`${at}.role\` can only be \`log\``);
    return {
      uri,
      kid: this.text(key['kid'], `${at}.kid`),
      ...(kinds === undefined ? {} : { kinds: this.names(kinds, `${at}.kinds`, signingKeyRoles) }),
      ...(role === undefined ? {} : { role: 'log' }),
      ...(lost === undefined || !this.boolean(lost, `${at}.lost`) ? {} : { lost: true }),
    };
  }

  memory(json: unknown): string {
    const name = this.text(json, 'memory');
    if (!/^log-[1-9]\d{0,8}$/.test(name)) this.problem('`memory` is a directory like `log-2`');
    return name;
  }

  address(text: string, at: string): readonly ListenAddress[] {
    try {
      return [parseListenAddress(text)];
    } catch (error) {
      this.problem(`\`${at}\`: ${error instanceof Error ? error.message : String(error)}`);
      return [];
    }
  }

  tls(json: unknown): TlsFiles {
    const tls = this.object(json, 'tls', ['cert', 'key', 'ca']);
    return {
      cert: this.absolutePath(tls['cert'], 'tls.cert'),
      key: this.absolutePath(tls['key'], 'tls.key'),
      ca: this.absolutePath(tls['ca'], 'tls.ca'),
    };
  }

  ceilings(json: unknown): Ceilings {
    const given = this.object(json, 'ceilings', Object.keys(defaultCeilings));
    const read = (name: keyof Ceilings, least: number, most: number): number =>
      this.whole(given[name] ?? defaultCeilings[name], `ceilings.${name}`, least, most);
    return {
      ttl: read('ttl', 10, 86_400),
      bearerTtl: read('bearerTtl', 0, 300),
      maxLife: read('maxLife', 10, 366 * 86_400),
      depth: read('depth', 0, 4),
      leasesPerMinute: read('leasesPerMinute', 1, 10_000_000),
    };
  }
}
