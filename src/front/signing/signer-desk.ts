// Answers the requests of whoever may reach a signer process, strictly: a daemon that was taken over asks as well.

import { encodeBase64 } from '../../base/encoding/base64.ts';
import { encodeBase64url } from '../../base/encoding/base64url.ts';
import { isJsonObject, type Json, type JsonObject } from '../../base/encoding/json.ts';
import { encodeUtf8 } from '../../base/encoding/utf8.ts';
import { WarderError } from '../../base/errors/errors.ts';
import type { HeadMemory } from '../../trust/receipt/head-memory.ts';
import { boundBytes, nonceBinding } from '../../trust/attest/binding.ts';
import type { OpenedSigner } from '../../trust/signer/checked-signer.ts';
import type { KeyUse } from '../../trust/signer/remote/protocol.ts';
import type { SignKind } from '../../trust/signer/signer.ts';
import type { Head } from '../../trust/verify/checkpoint.ts';
import type { TpmAttestor } from '../../trust/tpm/attestor.ts';
import { bytes, formatTpmEvidence } from '../../trust/tpm/evidence-json.ts';

export interface SignerDeskParts {
  readonly origin: string;
  /** Each by its thumbprint. */
  readonly keys: ReadonlyMap<string, OpenedSigner>;
  readonly memory: HeadMemory;
  readonly useOf: (kid: string) => KeyUse;
  /** Last heads of the logs that it signed for before; none when absent. */
  readonly ended?: readonly Head[];
  readonly version: string;
  /** Milliseconds since an arbitrary start. */
  readonly monotonic: () => number;
}

/** A probe is a name and 16 random bytes; a longer one is somebody's text to be signed. */
const PROBE_MAX = 64;

/** Largest half of a credential, bytes. */
const CREDENTIAL_MAX = 1024;

/** Members each request has besides `ask`; those with `?` may be left out. */
const FORMS: Readonly<Record<string, readonly string[]>> = Object.assign(
  Object.create(null) as Record<string, readonly string[]>,
  {
    keys: [],
    ready: ['kid'],
    sign: ['kid', 'kind', 'payload', 'evidence?'],
    attest: ['kid', 'nonce'],
    activate: ['kid', 'blob', 'encryptedSecret'],
    last: [],
    status: [],
  },
);

/** The one place where requests become work. */
export class SignerDesk {
  readonly #parts: SignerDeskParts;
  readonly #startedAt: number;
  #signed = 0;
  #refused = 0;

  constructor(parts: SignerDeskParts) {
    this.#parts = parts;
    this.#startedAt = parts.monotonic();
  }

  /** @throws WarderError, whose text is not for the one who asked yet. */
  async answer(request: Json): Promise<JsonObject> {
    const fields = checkForm(request);
    switch (fields['ask']) {
      case 'keys':
        return this.#keys();
      case 'ready':
        await this.#key(fields['kid']).ready();
        return {};
      case 'sign':
        return this.#sign(fields);
      case 'attest':
        return this.#attest(fields);
      case 'activate':
        return this.#activate(fields);
      case 'last':
        return this.#last();
      default:
        return this.#status();
    }
  }

  #keys(): JsonObject {
    const { origin, keys, useOf, ended = [] } = this.#parts;
    return {
      origin,
      ended: ended.map((head) => ({ ...head, root: encodeBase64(head.root) })),
      keys: [...keys.values()].map(({ key, custody, attestor }) => ({
        jwk: { ...key },
        use: useOf(key.kid),
        custody: { ...custody },
        attests: attestor !== undefined,
      })),
    };
  }

  async #sign({ kid, kind, payload, evidence }: JsonObject): Promise<JsonObject> {
    if (typeof kind !== 'string' || typeof payload !== 'string') {
      throw malformed('`kind` and `payload` are texts');
    }
    if (kind === 'probe' && payload.length > PROBE_MAX) throw malformed('a probe is short');
    const request = { kind: kind as SignKind, payload: encodeUtf8(payload) };
    try {
      const signature = await this.#key(kid).sign(
        evidence === undefined ? request : { ...request, evidence },
      );
      this.#signed += 1;
      return { signature: encodeBase64url(signature) };
    } catch (error) {
      this.#refused += 1;
      throw error;
    }
  }

  async #attest({ kid, nonce }: JsonObject): Promise<JsonObject> {
    if (typeof nonce !== 'string') throw malformed('`nonce` is a text');
    const bytes = boundBytes(nonceBinding(nonce));
    return { tpm: formatTpmEvidence(await this.#attestor(kid).attest(bytes)) };
  }

  async #activate({ kid, blob, encryptedSecret }: JsonObject): Promise<JsonObject> {
    const secret = await this.#attestor(kid).activate({
      blob: bytes(blob, 'blob', CREDENTIAL_MAX),
      encryptedSecret: bytes(encryptedSecret, 'encryptedSecret', CREDENTIAL_MAX),
    });
    return { secret: encodeBase64url(secret) };
  }

  #attestor(kid: unknown): TpmAttestor {
    const { attestor } = this.#key(kid);
    if (attestor !== undefined) return attestor;
    throw new WarderError('usage', 'no TPM holds this key', {
      hint: 'it can only state that it is there',
    });
  }

  async #last(): Promise<JsonObject> {
    const last = await this.#parts.memory.last();
    const { origin, epoch, size, root, signatures, unproven, unprovenHashes = [], rotation } = last;
    return {
      origin,
      epoch,
      size,
      root: encodeBase64(root),
      signatures: signatures.map(({ kid, signature }) => ({
        kid,
        signature: encodeBase64url(signature),
      })),
      unproven,
      unprovenHashes: unprovenHashes.map((hash) => encodeBase64(hash)),
      ...(rotation === undefined ? {} : { rotation }),
    };
  }

  async #status(): Promise<JsonObject> {
    const { version, monotonic, memory } = this.#parts;
    const { size, epoch, unproven } = await memory.last();
    return {
      version,
      uptimeSeconds: Math.floor((monotonic() - this.#startedAt) / 1000),
      signed: this.#signed,
      refused: this.#refused,
      last: { epoch, size, unproven: unproven.length },
    };
  }

  #key(kid: unknown): OpenedSigner {
    const found = typeof kid === 'string' ? this.#parts.keys.get(kid) : undefined;
    if (found !== undefined) return found;
    throw new WarderError('not-found', 'the signer has no key of this thumbprint', {
      hint: 'ask it for its `keys`',
    });
  }
}

function checkForm(request: Json): JsonObject {
  if (!isJsonObject(request)) throw malformed('it is no object');
  const { ask, ...rest } = request;
  const form = typeof ask === 'string' ? FORMS[ask] : undefined;
  if (form === undefined) throw malformed(`\`ask\` is one of ${Object.keys(FORMS).join(', ')}`);
  const missing = form.find((name) => !name.endsWith('?') && !Object.hasOwn(rest, name));
  if (missing !== undefined) throw malformed(`\`${missing}\` is missing`);
  const unknown = Object.keys(rest).find(
    (name) => !form.some((one) => one.replace('?', '') === name),
  );
  if (unknown !== undefined) throw malformed('it has a member that nobody knows');
  return request;
}

function malformed(why: string): WarderError {
  return new WarderError('malformed', `not a request to a signer: ${why}`, {
    hint: 'the daemon and the signer may be of different versions',
  });
}
