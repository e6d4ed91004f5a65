// `warder signer init`: keys and memory of a new signer. An act of its operator: what is empty otherwise never
// means that nothing was signed.

import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { asWarderError, WarderError } from '../../base/errors/errors.ts';
import { encodeUtf8 } from '../../base/encoding/utf8.ts';
import { createCheckpointMemory } from '../../trust/receipt/checkpoint-memory.ts';
import { writePrivateFile } from '../../trust/signer/file/private-file.ts';
import { spki } from '../../trust/signer/jwk.ts';
import { parseKeyUri } from '../../trust/signer/key-uri.ts';
import type { Algorithm, PublicJwk } from '../../trust/signer/signer.ts';
import type { KeyPin } from '../config/config.ts';
import { type Ceilings, defaultCeilings } from './ceilings.ts';
import { editSignerConfig } from './edit-config.ts';
import { formatListenAddress, type ListenAddress } from './listen-address.ts';
import { createListMemory } from './list-memory.ts';
import {
  checkKey,
  isOwnFile,
  logKeyUri,
  makeKey,
  modulesOf,
  ownFile,
  type WantedKey,
} from './new-keys.ts';
import { checkPrivate } from './private-state.ts';
import {
  memoryFiles,
  type OwnKey,
  parseSignerConfig,
  readSignerConfig,
  type SignerConfig,
  signerState,
  type TlsFiles,
} from './signer-config.ts';
import {
  beginning,
  createSuccession,
  currentKey,
  type KeyRole,
  readSuccession,
  rotatedKids,
} from './succession-file.ts';

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
 * @throws WarderError `conflict` when there is anything of a signer already; `unavailable` when others can reach the
 *   directory; `usage`, `unavailable` for keys that cannot be made.
 */
export async function initSigner(root: string, wish: SignerWish): Promise<SignerConfig> {
  const { config: path, socket } = signerState(root);
  mkdirSync(root, { recursive: true, mode: 0o700 });
  if (readdirSync(root).length > 0) throw notEmpty(root);
  checkPrivate(root);
  const uri = wish.key ?? ownFile('signing', 'ES256');
  const access = { home: root, modules: modulesOf([uri, wish.logKey]) };
  const logUri = wish.logKey ?? (await logKeyUri(uri, access));
  const mayExist = wish.existingKeys === true;
  const signing: WantedKey = { uri, alg: 'ES256', mayExist };
  const log: WantedKey = { uri: logUri, alg: 'EdDSA', mayExist };
  const listen = wish.listen.length > 0 ? wish.listen : [{ scheme: 'unix', path: socket } as const];
  const textOf = (origin: string, kid: string, logKid: string): string => {
    const keys = { key: { uri, kid }, logKey: { uri: logUri, kid: logKid } };
    return configText({ ...wish, ...keys, listen, origin, modules: access.modules });
  };
  // Whatever can be wrong is found before a device has made a key: nobody else takes that back.
  parseSignerConfig(textOf(wish.origin ?? 'later', 'later', 'later'), path);
  for (const key of [signing, log]) await checkKey(key, access);
  const made: string[] = [];
  try {
    const key = await makeKey(signing, access, (each) => made.push(each));
    const logKey = await makeKey(log, access, (each) => made.push(each));
    const origin = wish.origin ?? originOf(logKey);
    const text = textOf(origin, key.kid, logKey.kid);
    await createMemory(root, origin, { signing: key, log: logKey });
    // Last: a directory with it is whole, and one without it is no signer.
    writePrivateFile(path, 'config of the signer', encodeUtf8(text));
    return parseSignerConfig(text, path);
  } catch (error) {
    throw undone(root, made, error);
  }
}

async function createMemory(
  root: string,
  origin: string,
  keys: Parameters<typeof beginning>[0],
): Promise<void> {
  const { memory, succession } = memoryFiles(signerState(root));
  await createListMemory(memory, origin);
  await createSuccession(succession, origin, beginning(keys));
  if (!(await createCheckpointMemory(memory, origin))) throw notEmpty(root);
}

/** Takes back what can be: files. What a device has made stays, and files that belong to it. */
function undone(root: string, made: readonly string[], thrown: unknown): WarderError {
  const error = asWarderError(thrown);
  const elsewhere = made.filter((uri) => !isOwnFile(uri));
  if (elsewhere.length === 0) {
    for (const name of readdirSync(root)) rmSync(join(root, name), { recursive: true });
    return error;
  }
  const { code, message, hint = 'see above', data } = error;
  const names = elsewhere.map((uri) => `\`${uri}\``).join(', ');
  return new WarderError(code, `${message}; before that ${names} was made, which signed nothing`, {
    cause: thrown,
    hint: `${hint}; then delete that key, or name it with \`--existing-keys\`, for another directory`,
    data,
  });
}

/**
 * Makes a key that may come next, and puts it into the config: an act of the signer's operator. It signs nothing
 * before a rotation to it was signed.
 *
 * @param given where it is or shall be; after a key in a file a new one in the state directory, when absent.
 * @param role whose place it may take.
 * @throws WarderError `usage` when a key in a device would be followed by a file that nobody named, and for another
 *   algorithm; `conflict` for a key that the signer has, or signed with before.
 */
export async function addSignerKey(
  root: string,
  given: string | undefined,
  role: KeyRole = 'signing',
): Promise<KeyPin> {
  const state = signerState(root);
  checkPrivate(root);
  const config = readSignerConfig(state);
  const alg: Algorithm = role === 'log' ? 'EdDSA' : 'ES256';
  const pins = [config.logKey, ...config.keys];
  const { succession } = memoryFiles(state, config.memory);
  const known = await readSuccession(succession, config.origin);
  const { kid: current } = currentKey(known[role]);
  const uri =
    given ??
    freshUri(
      root,
      role,
      alg,
      pins.find(({ kid }) => kid === current),
    );
  const modules = [...new Set([...config.pkcs11.modules, ...modulesOf([uri])])];
  const wanted: WantedKey = { uri, alg, mayExist: given !== undefined };
  const key = await makeKey(wanted, { home: root, modules });
  if ([...pins.map(({ kid }) => kid), ...rotatedKids(known)].includes(key.kid)) {
    throw new WarderError('conflict', `the signer has, or had, the key \`${key.kid}\``, {
      hint: 'name another, or leave `--key` out',
    });
  }
  if (key.alg !== alg) {
    throw new WarderError('usage', `this key has to be ${alg}, not ${key.alg}`, {
      hint: `name a key that is ${alg}`,
    });
  }
  const pin: OwnKey = { uri, kid: key.kid, ...(role === 'log' ? { role } : {}) };
  await editSignerConfig(state.config, [
    [['keys', config.keys.length], pin],
    ...(modules.length > 0 ? [[['pkcs11', 'modules'], modules] as const] : []),
  ]);
  return pin;
}

function freshUri(
  root: string,
  role: KeyRole,
  alg: Algorithm,
  current: KeyPin | undefined,
): string {
  let number = 2;
  while (existsSync(`${root}/${role}-${number}.key`)) number += 1;
  const uri = ownFile(`${role}-${number}`, alg);
  if (current !== undefined && parseKeyUri(current.uri).scheme !== 'file') {
    throw new WarderError(
      'usage',
      'the key before is in a device, and the next one would be a file',
      {
        hint: `name the next key: one in a device, or \`--key '${uri}'\``,
      },
    );
  }
  return uri;
}

function originOf(logKey: PublicJwk): string {
  const digest = createHash('sha256').update(spki(logKey)).digest('hex');
  return `warder.invalid/log/${digest.slice(0, 16)}`;
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
  // The first signing key, and keys of both roles that came or may come later: \`warder signer add-key\`.
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
