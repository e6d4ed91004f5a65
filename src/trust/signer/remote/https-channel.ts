// A signer process over HTTPS with certificates on both sides: a request and an answer in JSON each.

import { readFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { Agent, request as httpsRequest } from 'node:https';
import { isAbsolute, join } from 'node:path';
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

class HttpsChannel implements SignerChannel {
  readonly name: string;
  readonly #uri: HttpsKeyUri;
  readonly #home: string;
  #agent: Agent | undefined;
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
    this.#agent?.destroy();
    return Promise.resolve();
  }

  #post(body: Uint8Array): Promise<Json> {
    if (this.#closed) throw new WarderError('unavailable', 'the signer is closed');
    const agent = (this.#agent ??= this.#makeAgent());
    const { host, port } = this.#uri;
    const headers = { 'content-type': 'application/json', 'content-length': body.length };
    return new Promise((resolve, reject) => {
      const sent = httpsRequest(
        {
          agent,
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
      sent.once('error', reject);
      sent.end(body);
    });
  }

  /** Certificates are read again after trouble with them: they may have been renewed. */
  #makeAgent(): Agent {
    const { ca, cert, key } = this.#uri;
    const path = (given: string): string => (isAbsolute(given) ? given : join(this.#home, given));
    try {
      return new Agent({
        keepAlive: true,
        maxSockets: CONNECTIONS,
        ca: readFileSync(path(ca)),
        cert: readFileSync(path(cert)),
        key: Buffer.from(readPrivateFile(path(key), 'TLS key', KEY_MAX)),
        minVersion: 'TLSv1.3',
        // Said here, so that no variable of the environment says otherwise.
        rejectUnauthorized: true,
      });
    } catch (cause) {
      if (cause instanceof WarderError) throw cause;
      throw signerTrouble('misconfigured', `a certificate of \`${this.name}\` cannot be read`, {
        cause,
        hint: '`ca`, `cert` and `key` of the key URI name PEM files',
      });
    }
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
    if (/^(?:ECONNRESET|EPIPE)$/.test(code)) {
      return signerTrouble('transient', `\`${this.name}\` hung up before it answered`, {
        cause: thrown,
        hint: 'if it goes on: does it take the client certificate? its log says so',
      });
    }
    this.#agent?.destroy();
    this.#agent = undefined;
    return signerTrouble('misconfigured', `\`${this.name}\` is not trusted: ${code || 'TLS'}`, {
      cause: thrown,
      hint: 'see that both certificates are valid now, of the CA named, and the server’s for this name',
    });
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
  const { code } = error as { readonly code?: unknown };
  return typeof code === 'string' && !(error instanceof WarderError) ? code : '';
}
