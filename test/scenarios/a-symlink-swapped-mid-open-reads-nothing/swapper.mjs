// The attacker: swaps a file and a directory for symbolic links to outside, and back, without pause.
// Arguments: the granted directory, the outside one. Runs until it is killed.

import { renameSync, symlinkSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';

const [granted, outside] = process.argv.slice(2);
const at = (name) => join(granted, name);

symlinkSync(join(outside, 'file'), at('link-to-file'));
symlinkSync(outside, at('link-to-directory'));
process.stdout.write('ready\n');

for (;;) {
  // The leaf: file, then link, then file.
  renameSync(at('leaf'), at('leaf-kept'));
  renameSync(at('link-to-file'), at('leaf'));
  renameSync(at('leaf'), at('link-to-file'));
  renameSync(at('leaf-kept'), at('leaf'));
  // The parent: directory, then link, then directory.
  renameSync(at('parent'), at('parent-kept'));
  symlinkSync(outside, at('parent'));
  unlinkSync(at('parent'));
  renameSync(at('parent-kept'), at('parent'));
}
