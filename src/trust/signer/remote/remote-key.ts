// A key in a signer process: each request goes there whole, with its evidence, to be judged there.

import { isAbsolute, join } from 'node:path';
import { decodeBase64url, encodeBase64url } from '../../../base/encoding/base64url.ts';
import { encodeHex } from '../../../base/encoding/hex.ts';
import { isJsonObject, type Json } from '../../../base/encoding/json.ts';
import { decodeUtf8 } from '../../../base/encoding/utf8.ts';
import { WarderError } from '../../../base/errors/errors.ts';
import type { TpmAttestor } from '../../tpm/attestor.ts';
import { parseTpmEvidence } from '../../tpm/evidence-json.ts';
import type { BackEndKey } from '../checked-signer.ts';
import { parsePublicJwk } from '../jwk.ts';
import type { RemoteKeyUri } from '../key-uri.ts';
import type { Custody, PublicJwk, SignKind } from '../signer.ts';
import { signerTrouble } from '../trouble.ts';
import type { SignerChannel } from './channel.ts';
import { httpsChannel } from './https-channel.ts';
import { answerObject, type KeyUse, keyUses, nonsense, printable } from './protocol.ts';
import { unixChannel } from './unix-channel.ts';

/** A key as its signer process tells of it. */
export interface RemoteKey {
  readonly jwk: PublicJwk;
  readonly use: KeyUse;
  readonly custody: Custody;
  /** Whether a TPM holds it that can prove that. */
  readonly attests: boolean;
}

/** What a signer process has. */
export interface RemoteKeys {
  /** Of the log that it remembers. */
  readonly origin: string;
  readonly keys: readonly RemoteKey[];
}

export interface RemoteSelection {
  /** Directory that relative paths in the URI are below. */
  readonly home: string;
  /** Thumbprint of the key; by what it is to sign when absent. */
  readonly kid?: string;
  readonly roles: readonly SignKind[];
}

/** The way to the signer process of a key URI. Nothing is sent yet. */
export function openChannel(uri: RemoteKeyUri, home: string): SignerChannel {
  if (uri.scheme === 'https') return httpsChannel(uri, home);
  return unixChannel(isAbsolute(uri.path) ? uri.path : join(home, uri.path));
}

/**
 * Asks a signer process for its keys.
 *
 * @throws WarderError `unavailable`.
 */
export async function readRemoteKeys(channel: SignerChannel): Promise<RemoteKeys> {
  const { origin, keys } = answerObject(await channel.ask({ ask: 'keys' }));
  if (typeof origin !== 'string' || !Array.isArray(keys)) throw nonsense();
  return { origin, keys: (keys as readonly Json[]).map(readKey) };
}

function readKey(json: Json): RemoteKey {
  try {
    if (!isJsonObject(json)) throw new TypeError('no key');
    const { jwk, use, custody, attests } = json;
    const known = keyUses.find((each) => each === use);
    if (known === undefined) throw new TypeError('no use');
    return {
      jwk: parsePublicJwk({ ...(jwk as object) }),
      use: known,
      custody: readCustody(custody),
      attests: attests === true,
    };
  } catch (cause) {
    throw nonsense(cause);
  }
}

const BACK_ENDS: readonly Custody['backend'][] = ['file', 'pkcs11', 'tpm2', 'memory'];
const CLAIMS_MAX = 32;
const CLAIM_MAX = 256;
/** What a statement of possession takes. */
const SUMMARY_MAX = 256;

function readCustody(json: Json | undefined): Custody {
  if (!isJsonObject(json)) throw new TypeError('no custody');
  const { backend, summary, claims = {} } = json;
  const known = BACK_ENDS.find((each) => each === backend);
  if (known === undefined || typeof summary !== 'string') throw new TypeError('no custody');
  if (!isJsonObject(claims) || Object.keys(claims).length > CLAIMS_MAX)
    throw new TypeError('claims');
  const read = Object.entries(claims).map(([name, value]): readonly [string, Claim] => {
    if (!/^[a-zA-Z]{1,64}$/.test(name)) throw new TypeError('the name of a claim');
    if (typeof value === 'string') return [name, printable(value).slice(0, CLAIM_MAX)];
    if (typeof value === 'boolean' || typeof value === 'number') return [name, value];
    throw new TypeError('a claim');
  });
  return { backend: known, summary: printable(summary), claims: Object.fromEntries(read) };
}

type Claim = string | number | boolean;

/**
 * Opens a key of a signer process.
 *
 * @throws WarderError `unavailable` when it cannot be reached, or has no such key.
 */
export async function openRemoteKey(
  uri: RemoteKeyUri,
  selection: RemoteSelection,
): Promise<BackEndKey> {
  const channel = openChannel(uri, selection.home);
  try {
    const { keys } = await readRemoteKeys(channel);
    return remoteKey(channel, select(keys, selection, channel.name));
  } catch (error) {
    await channel.close();
    throw error;
  }
}

function select(
  keys: readonly RemoteKey[],
  { kid, roles }: RemoteSelection,
  name: string,
): RemoteKey {
  const use: KeyUse = roles.includes('lease') ? 'signing' : 'log';
  const found = keys.find((key) => (kid === undefined ? key.use === use : key.jwk.kid === kid));
  if (found !== undefined) return found;
  throw signerTrouble('misconfigured', `the signer process \`${name}\` has no such key`, {
    hint:
      kid === undefined
        ? 'make its keys: `warder signer init`'
        : `the config pins \`${kid}\`: is this the signer of this home?`,
  });
}

function remoteKey(channel: SignerChannel, { jwk, custody, attests }: RemoteKey): BackEndKey {
  const { kid } = jwk;
  return {
    key: jwk,
    custody: {
      backend: 'remote',
      summary: `signer process ${channel.name}: ${custody.summary}`.slice(0, SUMMARY_MAX),
      claims: { ...custody.claims, behind: custody.backend },
    },
    ...(attests ? { attestor: remoteAttestor(channel, kid) } : {}),
    ready: async () => {
      await channel.ask({ ask: 'ready', kid });
    },
    sign: async (payload, { kind, evidence }) => {
      const request = { ask: 'sign', kid, kind, payload: textOf(payload) } as const;
      const answer = await channel.ask(evidence === undefined ? request : { ...request, evidence });
      return bytesOf(answerObject(answer)['signature']);
    },
    close: () => channel.close(),
  };
}

/** The TPM is there; what it proves is not for us to judge. */
function remoteAttestor(channel: SignerChannel, kid: string): TpmAttestor {
  return {
    attest: async (nonce) => {
      const answer = await channel.ask({ ask: 'attest', kid, nonce: encodeHex(nonce) });
      try {
        return parseTpmEvidence(answerObject(answer)['tpm'] ?? null);
      } catch (cause) {
        throw nonsense(cause);
      }
    },
    activate: async ({ blob, encryptedSecret }) => {
      const answer = await channel.ask({
        ask: 'activate',
        kid,
        blob: encodeBase64url(blob),
        encryptedSecret: encodeBase64url(encryptedSecret),
      });
      return bytesOf(answerObject(answer)['secret']);
    },
  };
}

function bytesOf(json: Json | undefined): Uint8Array {
  if (typeof json !== 'string') throw nonsense();
  try {
    return decodeBase64url(json);
  } catch (cause) {
    throw nonsense(cause);
  }
}

function textOf(payload: Uint8Array): string {
  try {
    return decodeUtf8(payload);
  } catch (cause) {
    throw new WarderError('not-trusted', 'what is no text is not signed', { cause });
  }
}
