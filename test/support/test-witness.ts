// A small C2SP witness on loopback, strict by the specification, and the ways in which one can be hostile.

import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { onTestFinished } from 'vitest';
import { decodeBase64 } from '../../src/base/encoding/base64.ts';
import { formatHead, parseHead } from '../../src/trust/verify/checkpoint.ts';
import { verifyConsistency } from '../../src/trust/verify/merkle.ts';
import { loadKeys } from '../../src/trust/verify/keys.ts';
import { parseNote, signersOf } from '../../src/trust/verify/note.ts';
import {
  formatWitnessVkey,
  parseWitnessVkey,
  type WitnessKey,
} from '../../src/trust/verify/witness-key.ts';
import { loopbackServer } from './loopback-server.ts';

/** What a witness answers. */
export interface Reply {
  readonly status: number;
  readonly type?: string;
  readonly body?: string | Uint8Array;
  readonly headers?: Readonly<Record<string, string>>;
  /** The body is repeated until whoever asked hangs up. */
  readonly endless?: true;
}

/** Stands between an honest witness and whoever asks it. `honest` has it answer as it would. */
export type Conduct = (
  request: { readonly path: string; readonly body: string },
  honest: () => Promise<Reply>,
) => Reply | Promise<Reply>;

export interface TestWitness {
  readonly key: WitnessKey;
  readonly vkey: string;
  readonly url: string;
  /** Bodies of `add-checkpoint`, oldest first. */
  readonly asked: string[];
  /** What it last cosigned of the log; size 0 before. */
  readonly seen: { size: number; root: Uint8Array; note: string };
  /** How it behaves from now on. */
  conduct: Conduct;
  /** Seconds. */
  clock: () => number;
  /** Its line over a text, as it would sign it. */
  line(text: string, time?: number): string;
}

const honestly: Conduct = (_, honest) => honest();

/** @param logVkeys what it knows of the log: the vkey of its Ed25519 key. */
export async function openWitness(
  name: string,
  logVkeys: readonly string[],
  conduct: Conduct = honestly,
): Promise<TestWitness> {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const raw = Buffer.from(publicKey.export({ format: 'jwk' }).x ?? '', 'base64url');
  const vkey = formatWitnessVkey({ name, publicKey: raw });
  const key = await parseWitnessVkey(vkey);
  const logKeys = await loadKeys(logVkeys);
  const origin = logKeys[0]?.name ?? '';
  const seen = { size: 0, root: new Uint8Array(), note: '' };
  const asked: string[] = [];

  const line = (text: string, time: number): string => cosign(text, time, key, privateKey);
  const addCheckpoint = async (body: string): Promise<Reply> => {
    const split = body.indexOf('\n\n');
    const [first = '', ...proof] = body.slice(0, split).split('\n');
    const old = /^old (0|[1-9]\d*)$/.exec(first)?.[1];
    if (split < 0 || old === undefined || proof.length > 63) return { status: 400 };
    const note = parseNote(body.slice(split + 2));
    const head = parseHead(note.text);
    if (head.origin !== origin) return { status: 404 };
    const signed = await signersOf(note, origin, logKeys).catch(() => []);
    if (signed.length === 0) return { status: 403 };
    if (Number(old) > head.size) return { status: 400 };
    if (Number(old) !== seen.size) {
      return { status: 409, type: 'text/x.tlog.size', body: `${seen.size}\n` };
    }
    try {
      const earlierRoot = seen.size === 0 ? createHash('sha256').digest() : seen.root;
      const hashes = proof.map((hash) => decodeBase64(hash));
      const { size, root } = head;
      verifyConsistency({ earlierSize: seen.size, earlierRoot, size, root, proof: hashes });
    } catch {
      return { status: 422 };
    }
    const cosignature = line(note.text, witness.clock());
    Object.assign(seen, head, { note: `${body.slice(split + 2)}${cosignature}` });
    return { status: 200, type: 'text/plain', body: cosignature };
  };
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const parts: Uint8Array[] = [];
    for await (const part of request as AsyncIterable<Uint8Array>) parts.push(part);
    const body = Buffer.concat(parts).toString();
    const path = request.url ?? '';
    if (path === '/add-checkpoint') asked.push(body);
    const monitored = createHash('sha256').update(origin).digest('hex');
    const honest = async (): Promise<Reply> => {
      if (path === '/add-checkpoint') return addCheckpoint(body);
      if (path !== `/${monitored}/checkpoint` || seen.note === '') return { status: 404 };
      return { status: 200, body: seen.note };
    };
    const reply = await witness.conduct({ path, body }, honest);
    const type = reply.type === undefined ? {} : { 'content-type': reply.type };
    response.writeHead(reply.status, { ...type, ...reply.headers });
    while (reply.endless === true && !response.closed) {
      response.write(reply.body ?? '');
      await new Promise(setImmediate);
    }
    response.end(reply.body);
  };
  const server = await loopbackServer((request, response) => {
    answer(request, response).catch(() => response.destroy());
  });
  onTestFinished(() => server[Symbol.asyncDispose]());
  const witness: TestWitness = {
    key,
    vkey,
    url: `http://127.0.0.1:${server.port}`,
    asked,
    seen,
    conduct,
    clock: () => Math.floor(Date.now() / 1000),
    line: (text, time = witness.clock()) => line(text, time),
  };
  return witness;
}

function cosign(text: string, time: number, key: WitnessKey, privateKey: KeyObject): string {
  const stamp = Buffer.alloc(8);
  stamp.writeBigUInt64BE(BigInt(time));
  const message = Buffer.from(`cosignature/v1\ntime ${time}\n${text}`);
  const bytes = Buffer.concat([key.keyId, stamp, sign(null, message, privateKey)]);
  return `— ${key.name} ${bytes.toString('base64')}\n`;
}

/** The text of the note in a request. */
export function textOf(body: string): string {
  return formatHead(parseHead(parseNote(body.slice(body.indexOf('\n\n') + 2)).text));
}
