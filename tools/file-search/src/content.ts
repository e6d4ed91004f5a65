// Whole files through the host's file_read, a piece at a time.

import { Bytes, Out } from '../../../wit/sdk/assembly/bytes';
import { Reply, fileRead, unbase64Into } from '../../../wit/sdk/assembly/host-functions';

const PIECE: i32 = 262144;
/** Larger files are not searched. */
export const MAX_SIZE: i32 = 4194304;

/** Reads files, each into the same memory: what a former read gave is then gone. */
export class Reader {
  /** Why the last read gave nothing. */
  refusal: Reply | null = null;
  private scratch: Out = new Out((PIECE / 3) * 4 + 64);
  private content: Out = new Out(PIECE + 16);

  /** Up to `most` bytes from `offset`, or null. */
  read(path: Bytes, offset: i64, most: i32): Bytes | null {
    const content = this.content;
    content.length = 0;
    while (content.length < most) {
      const wanted = min(PIECE, most - content.length);
      const before = content.length;
      const reply = fileRead(path, offset + before, wanted, this.scratch);
      const data = reply.get('data');
      if (data === null) {
        this.refusal = reply;
        return null;
      }
      unbase64Into(data.text(), content);
      if (content.length - before < wanted) break;
    }
    return content.view();
  }
}

/** Whether the beginning looks like a binary file: a NUL byte in the first 8 KiB. */
export function isBinary(content: Bytes): bool {
  const end = min(content.length, 8192);
  for (let i = 0; i < end; i++) if (content.at(i) == 0) return true;
  return false;
}
