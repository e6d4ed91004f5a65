// `warder init`: a home with both keys, the starter policy, a config that pins the keys. Idempotent.

import { createHash, randomBytes } from 'node:crypto';
import {
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  readFileSync,
  renameSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { WarderError } from '../../base/errors/errors.ts';
import { starterPolicyDirectory, starterPolicyFiles } from '../../decide/policy/starter-policy.ts';
import { keyDocument } from '../../trust/keyring/key-document.ts';
import { createCheckpointMemory } from '../../trust/receipt/checkpoint-memory.ts';
import { spki } from '../../trust/signer/jwk.ts';
import {
  formatKeyUri,
  isRemote,
  parseKeyUri,
  type RemoteKeyUri,
} from '../../trust/signer/key-uri.ts';
import type { OpenedSigner } from '../../trust/signer/checked-signer.ts';
import {
  createKey,
  type KeyAccess,
  openSigner,
  tokenAlgorithms,
} from '../../trust/signer/open-signer.ts';
import { openChannel, readRemoteKeys } from '../../trust/signer/remote/remote-key.ts';
import { logKeyRoles, signingKeyRoles } from '../../trust/signer/roles.ts';
import type { PublicJwk } from '../../trust/signer/signer.ts';
import { type Config, readConfig } from '../config/config.ts';
import { createHome, type Home } from '../config/home.ts';
import { signerMemoryPath } from '../config/signer-memory.ts';
import { PublicFiles } from './public-files.ts';

const SIGNING_KEY = 'file:keys/signing.key?alg=ES256&passphrase-source=keys/signing.passphrase';
const LOG_KEY = 'file:keys/log.key?alg=EdDSA&passphrase-source=keys/log.passphrase';

export interface InitResult {
  readonly config: Config;
  /** False when there was a home already. */
  readonly created: boolean;
  /** What keys in devices are worth, of a new home: the signing key first. */
  readonly custody: readonly string[];
}

/**
 * Makes what is missing of a home; keys and files that exist are kept as they are. The config is
 * written last, so that a home with a config is whole.
 *
 * @param keyUri where the signing key is or shall be; a file key when absent.
 * @throws WarderError `usage` when `keyUri` is none or names another key than an existing home has.
 */
export async function initHome(home: Home, keyUri: string | undefined): Promise<InitResult> {
  createHome(home);
  if (existsSync(home.config)) {
    const config = readConfig(home.config);
    if (keyUri !== undefined && keyUri !== config.key.uri) {
      throw new WarderError('usage', `\`${home.root}\` signs with \`${config.key.uri}\` already`, {
        hint: 'a home keeps its key; use another home',
      });
    }
    return { config, created: false, custody: [] };
  }
  const uri = keyUri ?? SIGNING_KEY;
  // The operator says it here, and the config from now on.
  const access = { home: home.root, modules: modulesOf(uri) };
  const signing = await ensureKey(uri, 'ES256', access);
  try {
    const logUri = await logKeyUri(uri, access);
    const log = await ensureKey(logUri, 'EdDSA', access);
    await log.close();
    const parsed = parseKeyUri(uri);
    const origin = isRemote(parsed) ? await originThere(parsed, access) : originOf(log);
    if (!isRemote(parsed)) await createCheckpointMemory(signerMemoryPath(origin), origin);
    await writeHome(home, { uri, key: signing.key, logUri, logKey: log.key, origin, ...access });
    const custody = [signing, log].flatMap((made) => made.custody ?? []);
    return { config: readConfig(home.config), created: true, custody };
  } finally {
    await signing.close();
  }
}

interface MadeKeys {
  readonly uri: string;
  readonly key: PublicJwk;
  readonly logUri: string;
  readonly logKey: PublicJwk;
  readonly origin: string;
  readonly modules: readonly string[];
}

async function writeHome(home: Home, made: MadeKeys): Promise<void> {
  const { uri, key, logKey, origin } = made;
  // A daemon that is first started while a device is away knows its keys by this.
  const first = { jwk: key, uri, since: 0, heads: { from: 0 } };
  await new PublicFiles(home.public).placeKeys(keyDocument([first], logKey, origin, 0));
  for (const name of starterPolicyFiles) {
    writeOnce(join(home.policy, name), readFileSync(join(starterPolicyDirectory(), name), 'utf8'));
  }
  writeOnce(home.config, configText(made));
}

/** After its log key; a key that another home may have signed with begins no second log under that name. */
function originOf({ key, found }: MadeKey): string {
  const digest = createHash('sha256').update(spki(key)).digest('hex');
  const name = found === true ? randomBytes(8).toString('hex') : digest.slice(0, 16);
  return `warder.invalid/log/${name}`;
}

/** A signer process signs for one log, and has named it. */
async function originThere(uri: RemoteKeyUri, { home }: KeyAccess): Promise<string> {
  const channel = openChannel(uri, home);
  try {
    return (await readRemoteKeys(channel)).origin;
  } finally {
    await channel.close();
  }
}

function modulesOf(uri: string): readonly string[] {
  const parsed = parseKeyUri(uri);
  return parsed.scheme === 'pkcs11' && parsed.modulePath !== undefined ? [parsed.modulePath] : [];
}

/** In the signer process or token of the signing key, when that has Ed25519; else a file. */
async function logKeyUri(uri: string, access: KeyAccess): Promise<string> {
  const parsed = parseKeyUri(uri);
  if (isRemote(parsed)) return uri;
  if (parsed.scheme !== 'pkcs11') return LOG_KEY;
  if (!(await tokenAlgorithms(parsed, access)).includes('EdDSA')) return LOG_KEY;
  return formatKeyUri({ ...parsed, object: `${parsed.object}-log`, alg: 'EdDSA' });
}

interface MadeKey {
  readonly key: PublicJwk;
  /** Of a key in a device. */
  readonly custody?: string;
  /** It was in its device before. */
  readonly found?: true;
  close(): Promise<void>;
}

/** Makes a key, or opens the one that is there. One in a device has signed then. */
async function ensureKey(uri: string, alg: PublicJwk['alg'], access: KeyAccess): Promise<MadeKey> {
  const parsed = parseKeyUri(uri);
  if ('alg' in parsed && parsed.alg !== alg) {
    throw new WarderError('usage', `the signing key is ${alg}, not ${parsed.alg}`, {
      hint: `say \`alg=${alg}\`; other keys are made with \`warder keys create\``,
    });
  }
  if (isRemote(parsed)) return openThere(uri, alg, access);
  let found = false;
  try {
    const key = await createKey(uri, access);
    // It was made here, and unlocking takes its time.
    if (parsed.scheme === 'file') return { key, close: () => Promise.resolve() };
  } catch (error) {
    if (!(error instanceof WarderError) || error.code !== 'conflict') throw error;
    found = true;
  }
  const signer = await openSigner(uri, { ...access, roles: [] });
  if (parsed.scheme === 'file') return { key: signer.key, close: () => signer.close() };
  const made = await madeInDevice(signer);
  return found ? { ...made, found } : made;
}

/** What a signer process has is used: it makes its keys itself. */
async function openThere(uri: string, alg: PublicJwk['alg'], access: KeyAccess): Promise<MadeKey> {
  const roles = alg === 'ES256' ? signingKeyRoles : logKeyRoles;
  return madeInDevice(await openSigner(uri, { ...access, roles }));
}

/** It has signed when this resolves. */
async function madeInDevice(signer: OpenedSigner): Promise<MadeKey> {
  const close = (): Promise<void> => signer.close();
  try {
    await signer.ready();
    return { key: signer.key, custody: signer.custody.summary, close };
  } catch (error) {
    await close();
    throw error;
  }
}

function configText(made: MadeKeys): string {
  const { uri, key, logUri, logKey, origin, modules } = made;
  const memory = signerMemoryPath(origin);
  const remembered = isRemote(parseKeyUri(uri))
    ? 'Where this process would remember what it signed: the signer process does.'
    : 'What the signer signed last. Not in the home, so that an old copy of the home cannot fork the log.';
  const loaded =
    modules.length === 0
      ? ''
      : `
  // Shared libraries that key URIs may name. Each is code that the daemon runs.
  "pkcs11": { "modules": ${JSON.stringify(modules)} },`;
  return `// warder's configuration; see docs/operations.md. Read when the daemon starts.
{
  "version": 1,
  // Signs leases and checkpoints.
  "key": { "uri": ${JSON.stringify(uri)}, "kid": ${JSON.stringify(key.kid)} },
  // Signs checkpoints, for witnesses and tools that take only Ed25519.
  "logKey": { "uri": ${JSON.stringify(logUri)}, "kid": ${JSON.stringify(logKey.kid)} },${loaded}
  "log": {
    "origin": ${JSON.stringify(origin)},
    "public": false,
    // ${remembered}
    "memory": ${JSON.stringify(memory)}
  },
  "agents": {
    // May call every enabled tool within its grants; the policies decide what asks first.
    "default": {
      "principal": "agent:default",
      "tenant": "default",
      "ttl": 3600,
      "holder": "connection",
      "capabilities": [
        { "type": "tool.call", "tools": ["*"] },
        { "type": "fs.read", "paths": ["/**"] },
        { "type": "fs.write", "paths": ["/**"] },
        { "type": "http.call", "methods": ["*"], "origins": ["*"], "paths": ["/**"] }
      ]
    }
  }
}
`;
}

/** Writes a new file whole or not at all; one that exists stays. */
function writeOnce(path: string, text: string): void {
  if (existsSync(path)) return;
  const temporary = `${path}.${randomBytes(6).toString('hex')}`;
  const descriptor = openSync(temporary, 'wx', 0o600);
  writeSync(descriptor, text);
  fsyncSync(descriptor);
  closeSync(descriptor);
  renameSync(temporary, path);
}
