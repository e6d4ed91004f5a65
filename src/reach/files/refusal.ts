// Why a file operation was not done; becomes the reply's code, message and fault.

export type FilesRefusalCode = 'denied' | 'limit' | 'not-found' | 'invalid' | 'failed';

/** What it was about, where the code alone would lose it. */
export type FilesFault =
  | 'exists'
  | 'is-directory'
  | 'not-directory'
  | 'not-empty'
  | 'symbolic-link'
  | 'bad-handle'
  | 'no-space'
  | 'cross-device'
  | 'busy';

/** Thrown inside this room, answered to the guest. Messages show guest paths, never host paths. */
export class FilesRefusal extends Error {
  override readonly name = 'FilesRefusal';
  readonly code: FilesRefusalCode;
  readonly fault: FilesFault | undefined;

  constructor(code: FilesRefusalCode, message: string, fault?: FilesFault) {
    super(message);
    this.code = code;
    this.fault = fault;
  }
}

/** The `code` of a system error, or an empty string. */
export function errnoOf(thrown: unknown): string {
  const code = thrown instanceof Error && 'code' in thrown ? thrown.code : undefined;
  return typeof code === 'string' ? code : '';
}

/** Turns a system error about the guest path `path` into a refusal; a refusal passes through. */
export function refusalOf(thrown: unknown, path: string): FilesRefusal {
  if (thrown instanceof FilesRefusal) return thrown;
  const code = errnoOf(thrown);
  switch (code) {
    case 'ENOENT':
      return new FilesRefusal('not-found', `\`${path}\` does not exist`);
    case 'ENOTDIR':
    case 'ELOOP':
      return new FilesRefusal(
        'denied',
        `\`${path}\` leads through something that is not a directory; symbolic links are not followed`,
        'not-directory',
      );
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return new FilesRefusal(
        'denied',
        `the operating system refuses \`${path}\` (${code}); the operator can change its permissions`,
      );
    case 'ENAMETOOLONG':
      return new FilesRefusal('invalid', `\`${path}\` has too long a name`);
    case 'EISDIR':
      return new FilesRefusal('invalid', `\`${path}\` is a directory`, 'is-directory');
    case 'EEXIST':
      return new FilesRefusal('invalid', `\`${path}\` exists`, 'exists');
    case 'ENOTEMPTY':
      return new FilesRefusal('invalid', `\`${path}\` is not empty`, 'not-empty');
    case 'EBUSY':
      return new FilesRefusal('failed', `\`${path}\` is in use`, 'busy');
    case 'EXDEV':
      return new FilesRefusal(
        'invalid',
        `\`${path}\` cannot be moved to another file system`,
        'cross-device',
      );
    case 'EINVAL':
      return new FilesRefusal('invalid', `\`${path}\` cannot be moved there`);
    case 'ENOSPC':
    case 'EDQUOT':
    case 'EFBIG':
      return new FilesRefusal(
        'limit',
        `there is no room to write \`${path}\` (${code})`,
        'no-space',
      );
    default:
      return new FilesRefusal('failed', `\`${path}\` failed (${code || 'unknown error'})`);
  }
}
