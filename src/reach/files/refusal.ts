// Why a file operation was not done; becomes the reply's code and message.

export type FilesRefusalCode = 'denied' | 'limit' | 'not-found' | 'invalid' | 'failed';

/** Thrown inside this room, answered to the guest. Messages show guest paths, never host paths. */
export class FilesRefusal extends Error {
  override readonly name = 'FilesRefusal';
  readonly code: FilesRefusalCode;

  constructor(code: FilesRefusalCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
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
      return new FilesRefusal('not-found', `\`${path}\` does not exist`, thrown);
    case 'ENOTDIR':
    case 'ELOOP':
      return new FilesRefusal(
        'denied',
        `\`${path}\` leads through something that is not a directory; symbolic links are not followed`,
        thrown,
      );
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return new FilesRefusal(
        'denied',
        `the operating system refuses \`${path}\` (${code}); the operator can change its permissions`,
        thrown,
      );
    case 'ENAMETOOLONG':
      return new FilesRefusal('invalid', `\`${path}\` has too long a name`, thrown);
    case 'EISDIR':
      return new FilesRefusal('invalid', `\`${path}\` is a directory`, thrown);
    case 'ENOSPC':
    case 'EDQUOT':
    case 'EFBIG':
      return new FilesRefusal('limit', `there is no room to write \`${path}\` (${code})`, thrown);
    default:
      return new FilesRefusal('failed', `\`${path}\` failed (${code || 'unknown error'})`, thrown);
  }
}
