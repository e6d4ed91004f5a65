// A DNS server on loopback that answers what a test wants, and counts.

import { createSocket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import ipaddr from 'ipaddr.js';

export interface NameServer extends AsyncDisposable {
  /** `ADDRESS:PORT`. */
  readonly address: string;
  /** Questions for IPv4 addresses so far. */
  lookups(): number;
}

/** The addresses of a name, of both families; asked once for each family. */
export type Zone = (name: string, family: 4 | 6) => readonly string[];

const A = 1;
const AAAA = 28;
const SECONDS = 0;

/** Answers with the addresses `zone` gives, with no lifetime, so that nobody keeps them. */
export async function nameServer(zone: Zone): Promise<NameServer> {
  const socket = createSocket('udp4');
  let lookups = 0;
  socket.on('message', (query, from) => {
    const { name, type, end } = readQuestion(query);
    if (type === A) lookups += 1;
    const family = type === AAAA ? 6 : 4;
    const addresses =
      type === A || type === AAAA
        ? zone(name, family).filter((address) => isIPv6(address) === (family === 6))
        : [];
    socket.send(answer(query.subarray(0, end), type, addresses), from.port, from.address);
  });
  await new Promise<void>((resolve) => {
    socket.bind(0, '127.0.0.1', resolve);
  });
  return {
    address: `127.0.0.1:${socket.address().port}`,
    lookups: () => lookups,
    async [Symbol.asyncDispose]() {
      await new Promise<void>((resolve) => {
        socket.close(resolve);
      });
    },
  };
}

function readQuestion(query: Buffer): { name: string; type: number; end: number } {
  const labels: string[] = [];
  let at = 12;
  for (let length = query[at] ?? 0; length > 0; length = query[at] ?? 0) {
    labels.push(query.toString('latin1', at + 1, at + 1 + length));
    at += 1 + length;
  }
  return { name: labels.join('.').toLowerCase(), type: query.readUInt16BE(at + 1), end: at + 5 };
}

function answer(question: Buffer, type: number, addresses: readonly string[]): Buffer {
  const head = Buffer.from(question);
  head.writeUInt16BE(0x8580, 2);
  head.writeUInt16BE(addresses.length, 6);
  head.writeUInt32BE(0, 8);
  const records = addresses.map((address) => {
    const bytes = ipaddr.parse(address).toByteArray();
    const record = Buffer.alloc(12 + bytes.length);
    record.writeUInt16BE(0xc00c, 0);
    record.writeUInt16BE(type, 2);
    record.writeUInt16BE(1, 4);
    record.writeUInt32BE(SECONDS, 6);
    record.writeUInt16BE(bytes.length, 10);
    record.set(bytes, 12);
    return record;
  });
  return Buffer.concat([head, ...records]);
}
