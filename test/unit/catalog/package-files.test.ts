import { createHash } from 'node:crypto';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { PackageFiles } from '../../../src/catalog/package-files.ts';

describe('package files', () => {
  let folder: string;
  let files: PackageFiles;
  const bytes = Uint8Array.of(1, 2, 3);
  const digest = createHash('sha256').update(bytes).digest('hex');
  beforeEach(async () => {
    folder = join(await mkdtemp(join(tmpdir(), 'warder-tools-')), 'tools');
    files = new PackageFiles(folder);
  });
  afterEach(() => rm(join(folder, '..'), { recursive: true }));

  it('are kept under their digest and leave nothing else behind', async () => {
    expect(await files.write(bytes)).toBe(digest);
    expect(await files.write(bytes)).toBe(digest);
    expect(await readdir(folder)).toEqual([`${digest}.wasm`]);
    expect(await files.read(digest)).toEqual(bytes);
    await files.remove(digest);
    await expect(files.read(digest)).rejects.toMatchObject({ code: 'unavailable' });
  });

  it('changed bytes are never given out', async () => {
    await files.write(bytes);
    await writeFile(join(folder, `${digest}.wasm`), Uint8Array.of(1, 2, 4));
    await expect(files.read(digest)).rejects.toMatchObject({ code: 'verification-failed' });
  });

  it('a digest is no path', async () => {
    await expect(files.read('../../etc/passwd')).rejects.toThrow('not a digest');
    await expect(files.remove('../x')).rejects.toThrow('not a digest');
  });
});
