// Path traversal strings in every encoding people have thought of, against a grant deep in a tree
// whose every other directory holds the secret under the names the strings ask for.

import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { type FileTree, fileTree, permitFor } from '../../support/file-tree.ts';
import { testFiles } from '../../support/files.ts';
import { vectorSuite } from '../../support/vectors.ts';

const SECRET = 'outside';
const TARGETS = ['secret.txt', 'etc/passwd', 'etc/issue', 'boot.ini', 'windows/win.ini'];

const OWN = [
  '../secret.txt',
  '../../secret.txt',
  'a/../../secret.txt',
  './../secret.txt',
  '..//secret.txt',
  '..\\secret.txt',
  '%2e%2e/secret.txt',
  '..%2fsecret.txt',
  '%2e%2e%2fsecret.txt',
  '..%252fsecret.txt',
  '..%c0%afsecret.txt',
  '\u2025/secret.txt',
  '\uff0e\uff0e/secret.txt',
  '..\u2215secret.txt',
  '..;/secret.txt',
  '../secret.txt\0.png',
  '.../secret.txt',
  '..../secret.txt',
];

function strings(): string[] {
  const suite = vectorSuite('traversal');
  if (suite === undefined) return OWN;
  const lines = readdirSync(suite).flatMap((name) =>
    readFileSync(join(suite, name), 'latin1').split('\n'),
  );
  return [...OWN, ...lines.filter((line) => line !== '')];
}

/** Nine directories deep; the innermost is granted. */
function plantedTree(): { readonly tree: FileTree; readonly granted: string } {
  const tree = fileTree();
  let granted = tree.root;
  for (let depth = 0; depth < 9; depth += 1) {
    for (const target of TARGETS) {
      mkdirSync(join(granted, target, '..'), { recursive: true });
      writeFileSync(join(granted, target), SECRET);
    }
    granted = join(granted, 'd');
  }
  mkdirSync(join(granted, 'a'), { recursive: true });
  writeFileSync(join(granted, 'a/inside.txt'), 'inside');
  return { tree, granted };
}

const asked = strings().flatMap((line) =>
  ['secret.txt', 'etc/passwd'].map((target) => line.replaceAll('{FILE}', target)),
);
const paths = [...new Set(asked)].flatMap((path) => [path, `/data/${path}`, `/data${path}`]);

it('the naive form, a decoded path joined to the directory, reads outside', () => {
  const { tree, granted } = plantedTree();
  using _tree = tree;
  let outside = 0;
  for (const path of asked) {
    try {
      if (readFileSync(join(granted, decodeURIComponent(path)), 'utf8') === SECRET) outside += 1;
    } catch {
      // Most lead nowhere.
    }
  }
  expect(outside).toBeGreaterThan(5);
});

it(`none of ${paths.length} guest paths reads, lists or writes outside`, async () => {
  const { tree, granted } = plantedTree();
  using _tree = tree;
  await using files = await testFiles();
  const permit = permitFor(granted);
  for (const path of paths) {
    const { reply } = await files.read(permit, path, 0, 100);
    expect(reply.ok, path).toBe(false);
  }
  for (const path of paths.filter((_, at) => at % 50 === 0)) {
    expect((await files.list(permit, path)).reply.ok, path).toBe(false);
    await files.write(permit, path, Buffer.from('written'));
  }
  for (let at = tree.root; at !== granted; at = join(at, 'd')) {
    for (const target of TARGETS) expect(readFileSync(join(at, target), 'utf8')).toBe(SECRET);
  }
  const { reply } = await files.read(permit, '/data/a/inside.txt', 0, 100);
  expect(reply.ok && Buffer.from(reply.bytes ?? []).toString()).toBe('inside');
}, 120_000);
