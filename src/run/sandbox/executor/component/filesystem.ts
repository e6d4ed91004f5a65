// wasi:filesystem: the granted directories as preopens, and what is opened below them. The rules are
// the file tree's, the same as under preview 1.

import type { GuestHost } from '../engine.ts';
import { FileTree } from '../files/file-tree.ts';
import type { GuestClocks } from '../guest-clocks.ts';
import { Descriptor } from './descriptor.ts';
import { DirectoryEntryStream } from './directory-entries.ts';
import { IoError } from './io.ts';
import { codeOf, OpenThings } from './open-things.ts';

/** wasi:filesystem for one call, and how its files are put in place at the end. */
export function makeFilesystem(
  host: GuestHost,
  clocks: GuestClocks,
): {
  readonly imports: Record<string, object>;
  /** @throws FileError when something the guest wrote is lost. */
  finish(): void;
} {
  const tree = new FileTree(host);
  const things = new OpenThings(tree, clocks);
  const imports = {
    'wasi:filesystem/preopens': {
      getDirectories: () => tree.roots.map((root) => [Descriptor.preopen(things, root), root]),
    },
    'wasi:filesystem/types': {
      Descriptor,
      DirectoryEntryStream,
      filesystemErrorCode: (error: IoError) => codeOf(IoError.causeOf(error)),
    },
  };
  return { imports, finish: () => tree.finish() };
}
