// Somebody on the way to a TPM: sees every command and response, and may change or add to them.

import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

/** Hands a command on and gives the TPM's response. */
export type Forward = (command: Buffer) => Promise<Buffer>;

/** What the one on the way does with a command: gives a response. */
export type Meddle = (command: Buffer, forward: Forward) => Promise<Buffer>;

export interface TpmProxy {
  readonly port: number;
  /** Commands and responses, in turn, as they were on the side of the TPM's user. */
  readonly seen: Buffer[];
  /** Replaced by tests. */
  meddle: Meddle;
  /** Waits for connections on its way to end, and ends. */
  close(): Promise<void>;
}

/** Stands before the TPM at a port. */
export async function startTpmProxy(target: number): Promise<TpmProxy> {
  const sockets = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect(target, '127.0.0.1');
    const commands = messages(near);
    const responses = messages(far);
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        sockets.delete(socket);
        near.destroy();
        far.destroy();
      });
    }
    const forward: Forward = async (command) => {
      far.write(command);
      return responses();
    };
    void (async () => {
      for (;;) {
        const command = await commands();
        const response = await proxy.meddle(command, forward);
        proxy.seen.push(command, response);
        near.write(response);
      }
    })().catch(() => near.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const proxy: TpmProxy = {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    seen: [],
    meddle: (command, forward) => forward(command),
    close: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
  return proxy;
}

/** TPM_CC of a command. */
export function codeOf(command: Buffer): number {
  return command.readUInt32BE(6);
}

/** Reads whole messages: their length stands in each, after its tag. */
function messages(socket: Socket): () => Promise<Buffer> {
  const chunks = socket[Symbol.asyncIterator]();
  let had = Buffer.alloc(0);
  return async () => {
    while (had.length < 10 || had.length < had.readUInt32BE(2)) {
      const { value, done } = (await chunks.next()) as IteratorResult<Buffer, undefined>;
      if (done === true) throw new Error('the connection ended');
      had = Buffer.concat([had, value]);
    }
    const length = had.readUInt32BE(2);
    const message = had.subarray(0, length);
    had = had.subarray(length);
    return message;
  };
}
