// The verifier in one file: it runs where there is nothing of Node's, and judges as it does in Node.

import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';
import { loadKeys } from '../../../src/trust/verify/keys.ts';
import { verifyReceipt } from '../../../src/trust/verify/receipt.ts';

const repository = resolve(import.meta.dirname, '../../..');

function readVectors(name: string): unknown {
  const path = join(repository, 'test/vectors/receipt', `${name}.json`);
  return JSON.parse(readFileSync(path, 'utf8'));
}

interface ProofVectors {
  readonly good: readonly { readonly proof: string }[];
  readonly refused: readonly { readonly proof: string; readonly expect: string }[];
}

test('the browser file has no Node in it, and judges every vector as Node does', async () => {
  const { bundleVerifier } = (await import(join(repository, 'scripts/bundle.mjs'))) as {
    bundleVerifier(root: string, dist: string): Promise<string>;
  };
  const dist = mkdtempSync(join(tmpdir(), 'warder-browser-'));
  onTestFinished(() => rmSync(dist, { recursive: true, force: true }));
  const bundle = await bundleVerifier(repository, dist);

  const { good, refused } = readVectors('proof') as ProofVectors;
  const keys = [JSON.stringify((readVectors('keys') as { readonly jwks: object }).jwks)];
  const weak = [good[0]?.proof ?? '', '{"kty":"OKP","crv":"Ed25519","x":"' + 'A'.repeat(43) + '"}'];
  const cases = [...good, ...refused].map(({ proof }) => ({ proof, keys }));
  cases.push({ proof: weak[0] ?? '', keys: [weak[1] ?? ''] });
  const expected = await Promise.all(
    cases.map(async ({ proof, keys: texts }) => {
      try {
        return { id: (await verifyReceipt(proof, await loadKeys(texts))).id };
      } catch (error) {
        return { code: (error as { code: string }).code };
      }
    }),
  );
  const run = promisify(execFile)(
    process.execPath,
    [
      '--experimental-vm-modules',
      '--no-warnings',
      join(repository, 'test/fixtures/verify/bare-context.mjs'),
      bundle,
    ],
    { maxBuffer: 1 << 24 },
  );
  run.child.stdin?.end(JSON.stringify(cases));
  const { stdout } = await run;
  const { answers, node } = JSON.parse(stdout) as { answers: unknown; node: string };
  expect(node).toBe('undefined,undefined,undefined,undefined');
  expect(answers).toEqual(expected);
  expect(expected.some((each) => 'id' in each)).toBe(true);
});
