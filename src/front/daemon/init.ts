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
import { createCheckpointMemory } from '../../trust/receipt/checkpoint-memory.ts';
import { spki } from '../../trust/signer/jwk.ts';
import { createKey, openSigner } from '../../trust/signer/open-signer.ts';
import { parseKeyUri } from '../../trust/signer/key-uri.ts';
import type { PublicJwk } from '../../trust/signer/signer.ts';
import { type Config, readConfig } from '../config/config.ts';
import { createHome, type Home } from '../config/home.ts';
import { signerMemoryPath } from '../config/signer-memory.ts';

const SIGNING_KEY = 'file:keys/signing.key?alg=ES256&passphrase-source=keys/signing.passphrase';
const LOG_KEY = 'file:keys/log.key?alg=EdDSA&passphrase-source=keys/log.passphrase';

export interface InitResult {
  readonly config: Config;
  /** False when there was a home already. */
  readonly created: boolean;
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
    return { config, created: false };
  }
  const key = await ensureKey(home, keyUri ?? SIGNING_KEY, 'ES256');
  const logKey = await ensureKey(home, LOG_KEY, 'EdDSA');
  for (const name of starterPolicyFiles) {
    writeOnce(join(home.policy, name), readFileSync(join(starterPolicyDirectory(), name), 'utf8'));
  }
  const origin = `warder.invalid/log/${createHash('sha256').update(spki(logKey)).digest('hex').slice(0, 16)}`;
  const memory = signerMemoryPath(origin);
  await createCheckpointMemory(memory, origin);
  const text = configText(memory, keyUri ?? SIGNING_KEY, key.kid, logKey.kid, origin);
  writeOnce(home.config, text);
  return { config: readConfig(home.config), created: true };
}

async function ensureKey(home: Home, uri: string, alg: PublicJwk['alg']): Promise<PublicJwk> {
  const parsed = parseKeyUri(uri);
  if ('alg' in parsed && parsed.alg !== alg) {
    throw new WarderError('usage', `the signing key is ${alg}, not ${parsed.alg}`, {
      hint: `say \`alg=${alg}\`; other keys are made with \`warder keys create\``,
    });
  }
  try {
    return await createKey(uri, { home: home.root });
  } catch (error) {
    if (!(error instanceof WarderError) || error.code !== 'conflict') throw error;
  }
  const signer = await openSigner(uri, { home: home.root, roles: [] });
  await signer.close();
  return signer.key;
}

function configText(
  memory: string,
  keyUri: string,
  kid: string,
  logKid: string,
  origin: string,
): string {
  return `// warder's configuration; see docs/operations.md. Read when the daemon starts.
{
  "version": 1,
  // Signs leases and checkpoints.
  "key": { "uri": ${JSON.stringify(keyUri)}, "kid": ${JSON.stringify(kid)} },
  // Signs checkpoints, for witnesses and tools that take only Ed25519.
  "logKey": { "uri": ${JSON.stringify(LOG_KEY)}, "kid": ${JSON.stringify(logKid)} },
  "log": {
    "origin": ${JSON.stringify(origin)},
    "public": false,
    // What the signer signed last. Not in the home, so that an old copy of the home cannot fork the log.
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
