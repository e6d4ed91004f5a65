// How directories are reached below a granted one: by one system call where there is one, else a step
// at a time. Both refuse symbolic links, ways up and other file systems.

import { type Descend, walk } from './descriptor-walk.ts';

/** The best way this system has. */
export function descender(): Descend {
  return walk;
}
