// `warder signer init`: keys and memory of a new signer. An act of its operator: what is empty otherwise never
// means that nothing was signed.

import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { applyEdits, modify } from 'jsonc-parser';
import { WarderError } from '../../base/errors/errors.ts';
import { encodeUtf8 } from '../../base/encoding/utf8.ts';
import { createCheckpointMemory } from '../../trust/receipt/checkpoint-memory.ts';
import { writeDurably } from '../../trust/receipt/durable-file.ts';
import { writePrivateFile } from '../../trust/signer/file/private-file.ts';
import { spki } from '../../trust/signer/jwk.ts';
import { formatKeyUri, isRemote, parseKeyUri } from '../../trust/signer/key-uri.ts';
import {
  createKey,
  type KeyAccess,
  openSigner,
  tokenAlgorithms,
} from '../../trust/signer/open-signer.ts';
import type { Algorithm, PublicJwk } from '../../trust/signer/signer.ts';
import type { KeyPin } from '../config/config.ts';
import { type Ceilings, defaultCeilings } from './ceilings.ts';
import { formatListenAddress, type ListenAddress } from './listen-address.ts';
import { createListMemory } from './list-memory.ts';
import {
  memoryFiles,
  type OwnKey,
  parseSignerConfig,
  readSignerConfig,
  type SignerConfig,
  signerState,
  type TlsFiles,
} from './signer-config.ts';
import { beginning, createSuccession, type KeyRole } from './succession-file.ts';

const fileKey = (name: string, alg: Algorithm): string =>
  `file:${name}.key?alg=${alg}&passphrase-source=${name}.passphrase`;

export interface SignerWish {
  /** URI of the signing key; a file key in the state directory when absent. */
  readonly key?: string;
  /** URI of the log key; in the token of the signing key where that has Ed25519, else a file key, when absent. */
  readonly logKey?: string;
  /** Name of the log; after the log key when absent. */
  readonly origin?: string;
  /** `signer.sock` in the state directory when empty. */
  readonly listen: readonly ListenAddress[];
  readonly tls?: TlsFiles;
  readonly ceilings?: Partial<Ceilings>;
  /**
   * Takes keys that are there already. They may have signed for a log whose memory is elsewhere: only who knows
   * that they have not may say so.
   */
  readonly existingKeys?: boolean;
}

/**
 * Makes a signer in a new or empty directory.
 *
 * @param root absolute.
 * @throws WarderError `conflict` when there is anything of a signer already; `usage`, `unavailable` for keys that
 *   cannot be made.
 */
export async function initSigner(root: string, wish: SignerWish): Promise<SignerConfig> {
  const state = signerState(root);
  mkdirSync(root, { recursive: true, mode: 0o700 });
  if (readdirSync(root).length > 0) throw notEmpty(root);
  const uri = wish.key ?? fileKey('signing', 'ES256');
  const access = { home: root, modules: modulesOf([uri, wish.logKey]) };
  const key = await makeKey(uri, 'ES256', access, wish.existingKeys === true);
  const logUri = wish.logKey ?? (await logKeyUri(uri, access));
  const logKey = await makeKey(logUri, 'EdDSA', access, wish.existingKeys === true);
  const origin = wish.origin ?? originOf(logKey);
  const listen =
    wish.listen.length > 0 ? wish.listen : [{ scheme: 'unix', path: state.socket } as const];
  const text = configText({
    ...wish,
    listen,
    origin,
    modules: access.modules,
    key: { uri, kid: key.kid },
    logKey: { uri: logUri, kid: logKey.kid },
  });
  const config = parseSignerConfig(text, state.config);
  const { memory, succession } = memoryFiles(state);
  await createListMemory(memory, origin);
  await createSuccession(succession, origin, beginning({ signing: key, log: logKey }));
  if (!(await createCheckpointMemory(memory, origin))) throw notEmpty(root);
  // Last: a directory with it is whole, and one without it is no signer.
  writePrivateFile(state.config, 'config of the signer', encodeUtf8(text));
  return config;
}

/**
 * Makes a key that may come next, and puts it into the config: an act of the signer's operator. It signs nothing
 * before a rotation to it was signed.
 *
 * @param given where it is or shall be; a file key in the state directory when absent.
 * @param role whose place it may take.
 * @throws WarderError `conflict` when the signer has it already.
 */
export async function addSignerKey(
  root: string,
  given: string | undefined,
  role: KeyRole = 'signing',
): Promise<KeyPin> {
  const state = signerState(root);
  const config = readSignerConfig(state);
  const alg = role === 'log' ? 'EdDSA' : 'ES256';
  const uri = given ?? freshUri(root, role, alg);
  const modules = [...new Set([...config.pkcs11.modules, ...modulesOf([uri])])];
  const key = await makeKey(uri, alg, { home: root, modules }, given !== undefined);
  if ([config.logKey, ...config.keys].some(({ kid }) => kid === key.kid)) {
    throw new WarderError('conflict', `the signer has the key \`${key.kid}\` already`, {
      hint: 'name another, or leave `--key` out',
    });
  }
  if (key.alg !== alg) {
    throw new WarderError('usage', `this key has to be ${alg}, not ${key.alg}`, {
      hint: `name a key that is ${alg}`,
    });
  }
  const pin: OwnKey = { uri, kid: key.kid, ...(role === 'log' ? { role } : {}) };
  const before = readFileSync(state.config, 'utf8');
  let text = put(before, ['keys', config.keys.length], pin);
  if (modules.length > 0) text = put(text, ['pkcs11', 'modules'], modules);
  parseSignerConfig(text, state.config);
  await writeDurably(state.config, text);
  return pin;
}

function put(text: string, path: readonly (string | number)[], value: unknown): string {
  const formattingOptions = { insertSpaces: true, tabSize: 2 };
  return applyEdits(text, modify(text, [...path], value, { formattingOptions }));
}

function freshUri(root: string, role: KeyRole, alg: Algorithm): string {
  let number = 2;
  while (existsSync(`${root}/${role}-${number}.key`)) number += 1;
  return fileKey(`${role}-${number}`, alg);
}

async function makeKey(
  uri: string,
  alg: Algorithm,
  access: KeyAccess,
  mayExist: boolean,
): Promise<PublicJwk> {
  const parsed = parseKeyUri(uri);
  if (isRemote(parsed)) {
    throw new WarderError('usage', 'the keys of a signer are in a file or device of its own', {
      hint: 'name a `file:`, `pkcs11:` or `tpm2:` URI',
    });
  }
  if ('alg' in parsed && parsed.alg !== alg) {
    throw new WarderError('usage', `this key has to be ${alg}, not ${parsed.alg}`, {
      hint: `say \`alg=${alg}\``,
    });
  }
  try {
    return await createKey(uri, access);
  } catch (error) {
    if (!(error instanceof WarderError) || error.code !== 'conflict') throw error;
    if (!mayExist) {
      throw new WarderError('conflict', `the key \`${uri}\` is there already`, {
        cause: error,
        hint: 'a key that signed for a log must not begin with an empty memory; if it never did: `--existing-keys`',
      });
    }
  }
  const signer = await openSigner(uri, { ...access, roles: [] });
  try {
    await signer.ready();
    return signer.key;
  } finally {
    await signer.close();
  }
}

/** In the token of the signing key when that has Ed25519; else a file. */
async function logKeyUri(uri: string, access: KeyAccess): Promise<string> {
  const parsed = parseKeyUri(uri);
  const inToken =
    parsed.scheme === 'pkcs11' && (await tokenAlgorithms(parsed, access)).includes('EdDSA');
  if (!inToken) return fileKey('log', 'EdDSA');
  return formatKeyUri({ ...parsed, object: `${parsed.object}-log`, alg: 'EdDSA' });
}

function originOf(logKey: PublicJwk): string {
  const digest = createHash('sha256').update(spki(logKey)).digest('hex');
  return `warder.invalid/log/${digest.slice(0, 16)}`;
}

function modulesOf(uris: readonly (string | undefined)[]): readonly string[] {
  const modules = uris.flatMap((uri) => {
    const parsed = uri === undefined ? undefined : parseKeyUri(uri);
    return parsed?.scheme === 'pkcs11' && parsed.modulePath !== undefined
      ? [parsed.modulePath]
      : [];
  });
  return [...new Set(modules)];
}

interface MadeSigner extends SignerWishParts {
  readonly origin: string;
  readonly modules: readonly string[];
}

interface SignerWishParts {
  readonly key: KeyPin;
  readonly logKey: KeyPin;
  readonly listen: readonly ListenAddress[];
  readonly tls?: TlsFiles;
  readonly ceilings?: Partial<Ceilings>;
}

function configText(made: MadeSigner): string {
  const { key, logKey, origin, listen, tls, ceilings, modules } = made;
  const line = (value: unknown): string => JSON.stringify(value);
  const loaded =
    modules.length === 0
      ? ''
      : `
  // Shared libraries that key URIs may name. Each is code that the signer runs.
  "pkcs11": { "modules": ${line(modules)} },`;
  const certificates =
    tls === undefined
      ? ''
      : `
  // For https: its own certificate and key, and the CA of the clients it lets in.
  "tls": ${line(tls)},`;
  return `// The signer's configuration; see docs/keys/remote.md. Read when it starts.
{
  "version": 1,
  // The log it signs for, and the only audience of leases.
  "origin": ${line(origin)},
  // The first signing key, and those that came after it: \`warder signer add-key\`.
  "keys": [${line(key)}],
  "logKey": ${line(logKey)},${loaded}
  "listen": ${line(listen.map(formatListenAddress))},${certificates}
  // What leases say at most, whatever the daemon asks for. Seconds; \`bearerTtl\` 0: none without a holder.
  "ceilings": ${line({ ...defaultCeilings, ...ceilings })}
}
`;
}

function notEmpty(root: string): WarderError {
  return new WarderError('conflict', `\`${root}\` is not empty: nothing is made over it`, {
    hint: 'a signer that was used goes on with its memory; for another name another directory',
  });
}
