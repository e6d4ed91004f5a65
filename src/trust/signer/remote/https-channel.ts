// A signer process over HTTPS with certificates on both sides: a request and an answer in JSON each.

import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { Agent, request as httpsRequest } from 'node:https';
import { isAbsolute, join } from 'node:path';
import { systemClock } from '../../../base/clock/clock.ts';
import type { Json } from '../../../base/encoding/json.ts';
import { parseJson } from '../../../base/encoding/parse-json.ts';
import { encodeUtf8 } from '../../../base/encoding/utf8.ts';
import { WarderError } from '../../../base/errors/errors.ts';
import { readPrivateFile } from '../file/private-file.ts';
import type { HttpsKeyUri } from '../key-uri.ts';
import { signerTrouble } from '../trouble.ts';
import { ANSWER_MS, pause, pauses, type SignerChannel } from './channel.ts';
import {
  answerObject,
  MESSAGE_DEPTH,
  MESSAGE_MAX,
  nonsense,
  refusalError,
  type SignerRequest,
} from './protocol.ts';

const CONNECTIONS = 32;
const KEY_MAX = 64 * 1024;

/**
 * Opens no connection yet.
 *
 * @param home directory that relative paths are below.
 */
export function httpsChannel(uri: HttpsKeyUri, home: string): SignerChannel {
  return new HttpsChannel(uri, home);
}

/** What is shown to the signer, and what its certificate is judged by; PEM. */
interface Certificates {
  readonly ca: Buffer;
  readonly cert: Buffer;
  readonly key: Buffer;
}

class HttpsChannel implements SignerChannel {
  readonly name: string;
  readonly #uri: HttpsKeyUri;
  readonly #home: string;
  /** Connections with other certificates than those of now are not used again. */
  readonly #agent = new Agent({
    keepAlive: true,
    maxSockets: CONNECTIONS,
    minVersion: 'TLSv1.3',
    // Said here, so that no variable of the environment says otherwise.
    rejectUnauthorized: true,
  });
  #certificates: Certificates | undefined;
  #closed = false;

  constructor(uri: HttpsKeyUri, home: string) {
    this.#uri = uri;
    this.#home = home;
    this.name = `https://${uri.host}:${uri.port}`;
  }

  async ask(request: SignerRequest): Promise<Json> {
    const body = encodeUtf8(JSON.stringify(request));
    if (body.length > MESSAGE_MAX) {
      throw new WarderError('not-trusted', 'a request this large is not signed');
    }
    for (const ms of pauses()) {
      try {
        return await this.#post(body);
      } catch (error) {
        // Refused before anything was sent: the only trouble after which asking again is the same request.
        if (codeOf(error) !== 'ECONNREFUSED') throw this.#trouble(error);
      }
      await pause(ms);
    }
    try {
      return await this.#post(body);
    } catch (error) {
      throw this.#trouble(error);
    }
  }

  close(): Promise<void> {
    this.#closed = true;
    this.#agent.destroy();
    return Promise.resolve();
  }

  #post(body: Uint8Array): Promise<Json> {
    if (this.#closed) throw new WarderError('unavailable', 'the signer is closed');
    const certificates = (this.#certificates ??= this.#readCertificates());
    const { host, port } = this.#uri;
    const headers = { 'content-type': 'application/json', 'content-length': body.length };
    return new Promise((resolve, reject) => {
      const sent = httpsRequest(
        {
          ...certificates,
          agent: this.#agent,
          host: host.replace(/^\[(.*)\]$/, '$1'),
          port,
          path: '/v1',
          method: 'POST',
          headers,
          timeout: ANSWER_MS,
        },
        (response) => {
          readAnswer(response).then(resolve, reject);
        },
      );
      sent.once('timeout', () => sent.destroy(silent()));
      sent.once('error', (error) => reject(new Unanswered(error, !sent.reusedSocket)));
      sent.end(body);
    });
  }

  #readCertificates(): Certificates {
    const { ca, cert, key } = this.#uri;
    try {
      return {
        ca: readFileSync(this.#path(ca)),
        cert: readFileSync(this.#path(cert)),
        key: Buffer.from(readPrivateFile(this.#path(key), 'TLS key', KEY_MAX)),
      };
    } catch (cause) {
      if (cause instanceof WarderError) throw cause;
      throw signerTrouble('misconfigured', `a certificate of \`${this.name}\` cannot be read`, {
        cause,
        hint: '`ca`, `cert` and `key` of the key URI name PEM files',
      });
    }
  }

  #path(given: string): string {
    return isAbsolute(given) ? given : join(this.#home, given);
  }

  #trouble(thrown: unknown): WarderError {
    if (thrown instanceof WarderError) return thrown;
    const code = codeOf(thrown);
    if (/^(?:ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|ETIMEDOUT)$/.test(code)) {
      return signerTrouble('removed', `no signer process answers at \`${this.name}\``, {
        cause: thrown,
        hint: 'start it: `warder signer serve --state DIR`',
      });
    }
    const late = this.#outOfDate();
    // Read again with the next request: they may have been renewed.
    this.#certificates = undefined;
    if (late !== undefined) return late;
    if (/^(?:ECONNRESET|EPIPE)$/.test(code)) {
      // A client is turned away after the handshake of TLS 1.3, without a word.
      const isFirst = thrown instanceof Unanswered && thrown.isFirst;
      return signerTrouble('transient', `\`${this.name}\` hung up before it answered`, {
        cause: thrown,
        hint: isFirst
          ? `does it take the certificate \`${this.#uri.cert}\`? it has to be for clients, and of the CA in \`tls.ca\` of its signer.json; its log says why it hung up`
          : 'nothing was given out; try again, and look at its log if it goes on',
      });
    }
    return signerTrouble('misconfigured', `\`${this.name}\` is not trusted: ${code || 'TLS'}`, {
      cause: thrown,
      hint: 'see that both certificates are valid now, of the CA named, and the server’s for this name',
    });
  }

  /** The signer turns away who shows a certificate out of its time, and does not say why. */
  #outOfDate(): WarderError | undefined {
    if (this.#certificates === undefined) return undefined;
    let validFrom: string;
    let validTo: string;
    try {
      ({ validFrom, validTo } = new X509Certificate(this.#certificates.cert));
    } catch {
      return undefined;
    }
    const now = systemClock.wall();
    if (Date.parse(validFrom) <= now && now <= Date.parse(validTo)) return undefined;
    return signerTrouble(
      'misconfigured',
      `the certificate \`${this.#uri.cert}\` is valid from ${validFrom} to ${validTo}, and not now`,
      { hint: 'put a valid one in its place; it is read again with the next signature' },
    );
  }
}

/** A request that got no answer. */
class Unanswered extends Error {
  /** Whether it was the first one of its connection. */
  readonly isFirst: boolean;

  constructor(cause: Error, isFirst: boolean) {
    super(cause.message, { cause });
    this.isFirst = isFirst;
  }
}

async function readAnswer(response: IncomingMessage): Promise<Json> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of response) {
    size += (part as Buffer).length;
    if (size > MESSAGE_MAX) {
      response.destroy();
      throw nonsense();
    }
    parts.push(part as Buffer);
  }
  let json: Json;
  try {
    json = parseJson(Buffer.concat(parts), { maxBytes: MESSAGE_MAX, maxDepth: MESSAGE_DEPTH });
  } catch (cause) {
    throw nonsense(cause);
  }
  if (response.statusCode === 200) return json;
  throw refusalError(answerObject(json)['error'] ?? null);
}

function silent(): WarderError {
  return signerTrouble('transient', 'the signer process does not answer', {
    hint: 'look at its log; whether it signed is not known, nothing was given out',
  });
}

function codeOf(error: unknown): string {
  const { code } = (error instanceof Unanswered ? error.cause : error) as {
    readonly code?: unknown;
  };
  return typeof code === 'string' && !(error instanceof WarderError) ? code : '';
}
