// wasi:filesystem with nothing in it: no preopened directory, so no descriptor can come to be.
// Components reach granted files through warder:tool/files.

class Descriptor {}
class DirectoryEntryStream {}

export const filesystem: Record<string, object> = {
  'wasi:filesystem/preopens': { getDirectories: () => [] },
  'wasi:filesystem/types': {
    Descriptor,
    DirectoryEntryStream,
    filesystemErrorCode: () => undefined,
  },
};
