// A verifier in another language, written from docs/receipt-format.md alone, judges every vector as ours does.

import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const repository = join(import.meta.dirname, '../../..');
const verifier = join(repository, 'test/interop/verify_receipt.py');
const vectors = join(repository, 'test/vectors/receipt');

test('the second verifier agrees on every vector', async () => {
  const run = promisify(execFile)('python3', [verifier, 'vectors', vectors]);
  const { stdout } = await run.catch((error: { stdout?: string; message: string }) => ({
    stdout: error.stdout ?? error.message,
  }));
  expect(stdout).toMatch(/^\d{3} passed, 0 failed\n$/);
});
