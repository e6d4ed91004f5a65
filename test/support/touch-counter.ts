// The kernel's own count of what is opened, read, written, made or moved in a directory, whoever does
// it: inotify(7). Opens that only look (O_PATH) touch nothing and are not told.

import { closeSync, readSync } from 'node:fs';
import koffi from 'koffi';

/** IN_ALL_EVENTS. */
const TOUCHED = 0xfff;
const IN_NONBLOCK = 0o4000;
const IN_CLOEXEC = 0o2000000;
const EVENT_BYTES = 16;

export interface TouchCounter extends Disposable {
  /** Events since the last time it was asked. Alike ones in a row are one; none is lost unseen. */
  count(): number;
}

type Init = (flags: number) => number;
type AddWatch = (descriptor: number, path: string, mask: number) => number;

export function countTouches(directory: string): TouchCounter {
  const libc = koffi.load(null);
  const init = libc.func('int inotify_init1(int flags)') as Init;
  const addWatch = libc.func(
    'int inotify_add_watch(int descriptor, str path, uint32_t mask)',
  ) as AddWatch;
  const descriptor = init(IN_NONBLOCK | IN_CLOEXEC);
  if (descriptor < 0 || addWatch(descriptor, directory, TOUCHED) < 0) {
    throw new Error(`${directory} cannot be watched (${koffi.errno()})`);
  }
  const inbox = Buffer.alloc(1 << 16);
  return {
    count() {
      let events = 0;
      for (;;) {
        const got = readSome(descriptor, inbox);
        if (got === 0) return events;
        for (let at = 0; at < got; at += EVENT_BYTES + inbox.readUInt32LE(at + 12)) events += 1;
      }
    },
    [Symbol.dispose]: () => closeSync(descriptor),
  };
}

function readSome(descriptor: number, into: Buffer): number {
  try {
    return readSync(descriptor, into);
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'EAGAIN') return 0;
    throw thrown;
  }
}
