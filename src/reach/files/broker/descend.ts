// How directories are reached below a granted one: by one system call where there is one, else a step
// at a time. Both refuse symbolic links, ways up and other file systems.

import { identityOf } from '../own-tree.ts';
import { errnoOf } from '../refusal.ts';
import {
  close,
  type Descend,
  type Held,
  holding,
  otherFileSystem,
  sameInode,
  walk,
} from './descriptor-walk.ts';
import { loadOpenBelow, type OpenBelow } from './openat2.ts';

/** Ways to reach a directory, best first. */
export type Way = 'openat2' | 'walk';

/** The best way this system has, or the one that is asked for if it has that. */
export function descender(wanted?: Way): { readonly way: Way; readonly descend: Descend } {
  const open = wanted === 'walk' ? undefined : loadOpenBelow();
  return open === undefined
    ? { way: 'walk', descend: walk }
    : { way: 'openat2', descend: atOnce(open) };
}

/**
 * The kernel sees no difference between warder's own directories and others: the first time a directory
 * is met below a root, it is walked to as well, past every directory above it.
 */
function atOnce(open: OpenBelow): Descend {
  const walked = new WeakMap<Held, Set<string>>();
  return (from, names, path, own) => {
    const held = openedBelow(open, from, names, path);
    try {
      const known = walked.get(from) ?? new Set();
      walked.set(from, known);
      const identity = identityOf(held.stats);
      if (!known.has(identity)) {
        const again = walk(from, names, path, own);
        close(again);
        // It was swapped between the two: the one that was checked is not the one that is held.
        if (!sameInode(again, held)) throw Object.assign(new Error('swapped'), { code: 'ENOENT' });
        known.add(identity);
      }
      return held;
    } catch (thrown) {
      close(held);
      throw thrown;
    }
  };
}

function openedBelow(open: OpenBelow, from: Held, names: readonly string[], path: string): Held {
  try {
    return holding(open(from.descriptor, names.join('/')));
  } catch (thrown) {
    throw errnoOf(thrown) === 'EXDEV' ? otherFileSystem(path) : thrown;
  }
}
