// A TPM behind a character device: /dev/tpmrm0, where the kernel's resource manager gives each opening its own
// slots. A command is one write, its response one read; both block, so threads of libuv do them.

import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { TpmFailure } from './tpm-failure.ts';
import { RESPONSE_MAX, responseLength, type TpmTransport } from './transport.ts';

/** Opens the device at the first command. */
export function deviceTransport(path: string): TpmTransport {
  return new DeviceTransport(path);
}

class DeviceTransport implements TpmTransport {
  readonly place: string;
  readonly exclusive = false;
  #device: FileHandle | undefined;
  /**
   * A command under way. A driver that hangs keeps a thread until it lets go: no second command is given to it, or
   * it would have all the threads there are.
   */
  #working: Promise<unknown> | undefined;

  constructor(path: string) {
    this.place = path;
  }

  async exchange(command: Uint8Array, ms: number): Promise<Uint8Array> {
    if (this.#working !== undefined) {
      throw new TpmFailure('slow', `the TPM at ${this.place} still has an earlier command`);
    }
    const { promise: late, reject } = Promise.withResolvers<never>();
    const timer = setTimeout(() => {
      const text = `the TPM at ${this.place} does not answer within ${ms} ms`;
      reject(new TpmFailure('slow', text));
    }, ms);
    const work = this.#carry(command).finally(() => {
      if (this.#working === work) this.#working = undefined;
    });
    this.#working = work;
    try {
      return await Promise.race([work, late]);
    } catch (error) {
      // Not before the driver lets go of the command; nobody waits for that.
      void work.catch(() => undefined).then(() => this.disconnect());
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  async disconnect(): Promise<void> {
    const device = this.#device;
    this.#device = undefined;
    await device?.close().catch(() => undefined);
  }

  async #carry(command: Uint8Array): Promise<Uint8Array> {
    try {
      this.#device ??= await openDevice(this.place);
      const device = this.#device;
      const { bytesWritten } = await device.write(command);
      if (bytesWritten !== command.length) throw new Error('it takes a command only in part');
      return await readResponse(device);
    } catch (cause) {
      if (cause instanceof TpmFailure) throw cause;
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new TpmFailure('gone', `no TPM at ${this.place}: ${why}`, { cause });
    }
  }
}

async function openDevice(path: string): Promise<FileHandle> {
  const device = await open(path, constants.O_RDWR | constants.O_NOCTTY);
  if ((await device.stat()).isCharacterDevice()) return device;
  await device.close();
  throw new Error('it is no character device');
}

/** The kernel hands a response over in one read; several are as good. */
async function readResponse(device: FileHandle): Promise<Uint8Array> {
  const buffer = new Uint8Array(RESPONSE_MAX);
  for (let had = 0; ;) {
    const { bytesRead } = await device.read(buffer, had, buffer.length - had);
    if (bytesRead === 0) throw new Error('its response ends too early');
    had += bytesRead;
    const length = responseLength(buffer.subarray(0, had));
    if (length !== undefined && had > length) {
      throw new TpmFailure('untrue', 'a response that is longer than it says: not a TPM');
    }
    if (had === length) return buffer.slice(0, had);
  }
}
