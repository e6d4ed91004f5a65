// wasi:filesystem with nothing in it: no preopened directory, so no descriptor can come to be.
// Components reach granted files through warder:tool/files.

import { absentResource } from './absent-resource.ts';

const Descriptor = absentResource('descriptor');
const DirectoryEntryStream = absentResource('directory-entry-stream');

export const filesystem: Record<string, object> = {
  'wasi:filesystem/preopens': { getDirectories: () => [] },
  'wasi:filesystem/types': {
    Descriptor,
    DirectoryEntryStream,
    filesystemErrorCode: () => undefined,
  },
};
