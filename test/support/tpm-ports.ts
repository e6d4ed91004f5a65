// Where a software TPM of a test listens.

import { once } from 'node:events';
import { connect, createServer } from 'node:net';

/** Two free ports, one after the other: tpm2-tools look for the control channel at the second. */
export async function freePorts(): Promise<number> {
  for (;;) {
    const port = await listening(0);
    if ((await listening(port + 1).catch(() => undefined)) !== undefined) return port;
  }
}

async function listening(port: number): Promise<number> {
  const server = createServer();
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address !== null ? address.port : 0;
}

/** Whether something listens there. */
export async function answers(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
