// The PKCS#11 back end: keys that are born in a token and never leave it.

import { createHash, createPublicKey, randomBytes, verify } from 'node:crypto';
import { isAbsolute, join } from 'node:path';
import { encodeHex } from '../../../base/encoding/hex.ts';
import { encodeUtf8 } from '../../../base/encoding/utf8.ts';
import { WarderError } from '../../../base/errors/errors.ts';
import type { BackEndKey } from '../checked-signer.ts';
import { ALGORITHMS, spki } from '../jwk.ts';
import type { Pkcs11KeyUri } from '../key-uri.ts';
import { PROBE_PREFIX } from '../shape.ts';
import type { Algorithm, Custody, PublicJwk, SignRequest } from '../signer.ts';
import { signerTrouble } from '../trouble.ts';
import { PKCS11_ALGORITHMS, publicKeyOf } from './ec-key.ts';
import { ask, deviceError } from './ask.ts';
import type { KeyAttributes, KeyFacts, TokenFacts } from './messages.ts';
import { moduleFile } from './module-file.ts';
import { type DeviceLimits, Pkcs11Token, type TokenSession } from './token.ts';

/** Where the PIN is, which modules may be loaded, and how long a device may take. */
export interface Pkcs11Context {
  /** Directory a relative `pin-source` is below. */
  readonly home: string;
  /** Modules find their own configuration in it; scrubbed. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Absolute paths that the operator has named as modules. */
  readonly modules: readonly string[];
  readonly limits?: DeviceLimits;
}

const LIMITS: DeviceLimits = { openMs: 20_000, signMs: 10_000 };

/** A key in a token, once it was found there. */
interface FoundKey {
  readonly id: string;
  readonly key: PublicJwk;
  readonly attributes: KeyAttributes;
}

/**
 * Opens a key in a token.
 *
 * @throws WarderError `unavailable` when there is not exactly one such key, or it was not made in the token or
 *   could leave it.
 */
export async function openPkcs11Key(
  uri: Pkcs11KeyUri,
  context: Pkcs11Context,
): Promise<BackEndKey> {
  const token = hold(uri, context);
  try {
    const pin = pinFile(uri, context);
    const session = await token.session(pin);
    const found = await attempt(token, session, () => findKey(token, session, uri));
    return new Pkcs11Key(uri, token, pin, session, found);
  } catch (error) {
    await token.release();
    throw error;
  }
}

/**
 * Has a token make a key.
 *
 * @throws WarderError `conflict` when a key has the label; `unavailable`.
 */
export async function createPkcs11Key(
  uri: Pkcs11KeyUri,
  context: Pkcs11Context,
): Promise<PublicJwk> {
  return withToken(uri, context, async (token, session) => {
    const { alg, object } = uri;
    await ask(session.broker, token.limits.openMs, { op: 'generate', object, alg });
    const { key } = await findKey(token, session, uri);
    return key;
  });
}

/** {@link createPkcs11Key} up to the making. @throws WarderError what that would. */
export async function checkNewPkcs11Key(uri: Pkcs11KeyUri, context: Pkcs11Context): Promise<void> {
  const { alg, object } = uri;
  await withToken(uri, context, (token, { broker }) =>
    ask(broker, token.limits.openMs, { op: 'check-new', object, alg }),
  );
}

/** Which algorithms the token of a URI makes keys for and signs with. */
export async function pkcs11Algorithms(
  uri: Pkcs11KeyUri,
  context: Pkcs11Context,
): Promise<readonly Algorithm[]> {
  return withToken(uri, context, (_, { facts }) => Promise.resolve(facts.algorithms));
}

class Pkcs11Key implements BackEndKey {
  readonly key: PublicJwk;
  readonly custody: Custody;
  readonly #uri: Pkcs11KeyUri;
  readonly #token: Pkcs11Token;
  readonly #pin: string | undefined;
  readonly #id: string;
  /** The login under which the key was found last, and the looking for it. */
  #found: { readonly session: TokenSession; readonly done: Promise<void> } | undefined;
  #closed = false;

  constructor(
    uri: Pkcs11KeyUri,
    token: Pkcs11Token,
    pin: string | undefined,
    session: TokenSession,
    found: FoundKey,
  ) {
    this.key = found.key;
    this.custody = custodyOf(session.facts, found.attributes);
    this.#uri = uri;
    this.#token = token;
    this.#pin = pin;
    this.#id = found.id;
    this.#found = { session, done: Promise.resolve() };
  }

  ready(): Promise<void> {
    return Promise.resolve();
  }

  /** A token that was away, or a module that crashed, is looked for once more before this fails. */
  sign(payload: Uint8Array, { kind }: SignRequest): Promise<Uint8Array> {
    return this.#token.queue.run(kind, async () => {
      for (let again = false; ; again = true) {
        if (this.#closed) throw new WarderError('unavailable', 'the signer is closed');
        const session = await this.#token.session(this.#pin);
        try {
          await this.#findAgain(session);
          return await this.#sign(session, payload);
        } catch (error) {
          const helps = await this.#token.lost(session, error, again);
          if (!helps) throw deviceError(error, this.#token.label);
        }
      }
    });
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#token.release();
  }

  /** After a new login: the same key as before, and it signs a probe before anything real. */
  #findAgain(session: TokenSession): Promise<void> {
    if (this.#found?.session !== session) {
      const found = { session, done: this.#prove(session) };
      this.#found = found;
      found.done.catch(() => {
        if (this.#found === found) this.#found = undefined;
      });
    }
    return this.#found.done;
  }

  async #prove(session: TokenSession): Promise<void> {
    const { key, id } = await findKey(this.#token, session, this.#uri);
    if (key.kid !== this.key.kid || id !== this.#id) throw this.#changed();
    const probe = encodeUtf8(PROBE_PREFIX + encodeHex(randomBytes(16)));
    const signature = await this.#sign(session, probe);
    const open = createPublicKey({ key: Buffer.from(spki(key)), format: 'der', type: 'spki' });
    const { hash } = ALGORITHMS[key.alg];
    if (!verify(hash, probe, { key: open, dsaEncoding: 'ieee-p1363' }, signature)) {
      throw this.#changed();
    }
  }

  #changed(): WarderError {
    const { object, token } = this.#uri;
    return signerTrouble(
      'misconfigured',
      `another key is called \`${object}\` in the token \`${token}\` now`,
      { hint: `put the token back that has \`${this.key.kid}\`, or rotate on purpose` },
    );
  }

  async #sign({ broker }: TokenSession, payload: Uint8Array): Promise<Uint8Array> {
    const { alg } = this.key;
    const { hash } = ALGORITHMS[alg];
    const input = hash === null ? payload : createHash(hash).update(payload).digest();
    const mechanism = PKCS11_ALGORITHMS[alg].sign;
    const { signMs } = this.#token.limits;
    const reply = await ask(broker, signMs, { op: 'sign', id: this.#id, mechanism }, input);
    // The reader's buffer is written over by what comes next.
    return Uint8Array.from(reply.body);
  }
}

function hold(uri: Pkcs11KeyUri, context: Pkcs11Context): Pkcs11Token {
  const { env, modules, limits = LIMITS } = context;
  const module = moduleFile(uri.modulePath, modules);
  return Pkcs11Token.hold({ module, label: uri.token, env, limits });
}

async function withToken<T>(
  uri: Pkcs11KeyUri,
  context: Pkcs11Context,
  work: (token: Pkcs11Token, session: TokenSession) => Promise<T>,
): Promise<T> {
  const token = hold(uri, context);
  try {
    const session = await token.session(pinFile(uri, context));
    return await attempt(token, session, () => work(token, session));
  } finally {
    await token.release();
  }
}

async function attempt<T>(
  token: Pkcs11Token,
  session: TokenSession,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    await token.lost(session, error, false);
    throw deviceError(error, token.label);
  }
}

function pinFile({ pinSource }: Pkcs11KeyUri, { home }: Pkcs11Context): string | undefined {
  if (pinSource === undefined || isAbsolute(pinSource)) return pinSource;
  return join(home, pinSource);
}

async function findKey(
  { limits: { openMs } }: Pkcs11Token,
  { broker }: TokenSession,
  { token, object, alg }: Pkcs11KeyUri,
): Promise<FoundKey> {
  const { head } = await ask(broker, openMs, { op: 'find', object });
  const facts = head['value'] as KeyFacts;
  const fault = faultOf(facts.attributes);
  if (fault !== undefined) {
    throw signerTrouble(
      'misconfigured',
      `the key \`${object}\` in the token \`${token}\` ${fault}`,
      {
        hint: 'let warder make one: `warder keys create`; see docs/keys/pkcs11.md',
      },
    );
  }
  const key = publicKeyOf(alg, facts);
  if (key !== undefined) return { id: facts.id, key, attributes: facts.attributes };
  throw signerTrouble(
    'misconfigured',
    `the key \`${object}\` in the token \`${token}\` is no ${alg} key`,
    {
      hint: 'correct `alg` in the key URI',
    },
  );
}

/** What keeps a key from being one that never leaves and signs by itself. */
function faultOf(key: KeyAttributes): string | undefined {
  if (!key.local) return 'was not made in it: somebody may have a copy';
  if (!key.sensitive || !key.alwaysSensitive) return 'was or is readable';
  if (key.extractable || !key.neverExtractable) return 'can leave it, or could once';
  if (!key.sign) return 'may not sign';
  if (key.alwaysAuthenticate) return 'wants the PIN for each signature';
  return undefined;
}

function custodyOf(token: TokenFacts, key: KeyAttributes): Custody {
  const { hardware, manufacturer, model, serial } = token;
  const name = [manufacturer, model].filter((part) => part !== '').join(' ');
  const kind = hardware ? 'hardware' : 'software';
  const { local, sensitive, alwaysSensitive, extractable, neverExtractable } = key;
  return {
    backend: 'pkcs11',
    summary: `${kind} token (${name}, serial ${serial}): made in it, not exportable`,
    claims: {
      token: kind,
      manufacturer,
      model,
      serial,
      local,
      sensitive,
      alwaysSensitive,
      extractable,
      neverExtractable,
    },
  };
}
