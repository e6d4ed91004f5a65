// Grants above, at, below and beside warder's home, and other names for what is in it.

import {
  linkSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { fileTree, permitFor } from '../../support/file-tree.ts';
import { testFiles, type TestFiles } from '../../support/files.ts';

async function readText(files: TestFiles, granted: string, path: string): Promise<string> {
  const { reply } = await files.read(permitFor(granted), path, 0, 100);
  return reply.ok ? Buffer.from(reply.bytes ?? []).toString() : reply.code;
}

function plant(root: string): string {
  const home = join(root, 'user/.warder');
  mkdirSync(join(home, 'keys'), { recursive: true });
  writeFileSync(join(home, 'keys/signing'), 'key');
  writeFileSync(join(home, 'config.json'), 'config');
  writeFileSync(join(root, 'user/notes'), 'notes');
  writeFileSync(join(root, 'user/.client.json'), 'client');
  return home;
}

it('the home is out of reach from above, from itself and from below', async () => {
  using tree = fileTree();
  const home = plant(tree.root);
  await using open = await testFiles({ deny: [] });
  expect(await readText(open, join(home, 'keys'), '/data/signing')).toBe('key');

  await using files = await testFiles({ deny: [home] });
  const user = join(tree.root, 'user');
  expect(await readText(files, user, '/data/notes')).toBe('notes');
  expect(await readText(files, user, '/data/.warder/config.json')).toBe('denied');
  expect(await readText(files, user, '/data/.warder/keys/signing')).toBe('denied');
  expect(await readText(files, home, '/data/config.json')).toBe('denied');
  expect(await readText(files, join(home, 'keys'), '/data/signing')).toBe('denied');
  for (const [granted, path] of [
    [user, '/data/.warder'],
    [home, '/data'],
    [join(home, 'keys'), '/data'],
  ] as const) {
    const permit = permitFor(granted);
    expect((await files.list(permit, path)).reply).toMatchObject({ ok: false, code: 'denied' });
    expect((await files.stat(permit, path)).reply).toMatchObject({ ok: false, code: 'denied' });
    const { reply } = await files.write(permit, `${path}/planted`, Buffer.from('x'));
    expect(reply).toMatchObject({ ok: false, code: 'denied' });
  }
});

it('neither a hard link, nor a new place, nor a link to it opens it', async () => {
  using tree = fileTree();
  const home = plant(tree.root);
  await using files = await testFiles({ deny: [home] });
  const shared = join(tree.root, 'shared');
  mkdirSync(shared);
  linkSync(join(home, 'keys/signing'), join(shared, 'hard'));
  symlinkSync(home, join(shared, 'soft'));
  writeFileSync(join(shared, 'one'), 'one');
  linkSync(join(shared, 'one'), join(shared, 'two'));
  expect(await readText(files, shared, '/data/hard')).toBe('denied');
  expect(await readText(files, shared, '/data/soft/config.json')).toBe('denied');
  expect(await readText(files, shared, '/data/two')).toBe('one');

  renameSync(home, join(shared, 'moved'));
  expect(await readText(files, shared, '/data/moved/config.json')).toBe('denied');
});

it('single files, such as the configuration of clients, are out of reach as well', async () => {
  using tree = fileTree();
  plant(tree.root);
  const client = join(tree.root, 'user/.client.json');
  await using files = await testFiles({ deny: [client, join(tree.root, 'user/later')] });
  const user = join(tree.root, 'user');
  expect(await readText(files, user, '/data/.client.json')).toBe('denied');
  const { reply } = await files.write(permitFor(user), '/data/.client.json', Buffer.from('x'));
  expect(reply).toMatchObject({ ok: false, code: 'denied' });
  expect(readFileSync(client, 'utf8')).toBe('client');
});

it('what is made only later is denied from then on', async () => {
  using tree = fileTree();
  plant(tree.root);
  const user = join(tree.root, 'user');
  let now = 0;
  await using files = await testFiles({
    deny: [join(user, 'later')],
    clock: { wall: () => Date.now(), monotonic: () => now },
  });
  expect(await readText(files, user, '/data/later')).toBe('not-found');
  writeFileSync(join(user, 'later'), 'x');
  now += 1000;
  expect(await readText(files, user, '/data/later')).toBe('denied');
});

it("a file that got the number of one that was deleted from the home is the tool's own", async ({
  skip,
}) => {
  using tree = fileTree();
  const home = plant(tree.root);
  writeFileSync(join(home, 'later'), 'changes the directory');
  let looks = 0;
  // Each look at the home is a fresh one.
  const clock = { wall: () => Date.now(), monotonic: () => (looks += 10_000) };
  await using files = await testFiles({ deny: [home], clock });
  const shared = join(tree.root, 'shared');
  mkdirSync(shared);
  await new Promise((later) => setTimeout(later, 20));
  let met = 0;
  // Whoever else makes files here may get a number first: many at a time.
  for (let round = 0; round < 50 && met < 3; round += 1) {
    const names = Array.from({ length: 64 }, (_, at) => `${round}-${at}`);
    for (const name of names) writeFileSync(join(home, `state-${name}`), 'x');
    const numbers = new Set(names.map((name) => statSync(join(home, `state-${name}`)).ino));
    // Its call is told of what is in the home now.
    const permit = permitFor(shared);
    expect((await files.read(permit, '/data/none', 0, 1)).reply.ok).toBe(false);
    for (const name of names) rmSync(join(home, `state-${name}`));
    // Made where they are given the numbers that are free there, and moved.
    for (const name of names) {
      writeFileSync(join(home, name), 'mine');
      renameSync(join(home, name), join(shared, name));
    }
    const same = names.find((name) => numbers.has(statSync(join(shared, name)).ino));
    if (same === undefined) continue;
    met += 1;
    const { reply } = await files.read(permit, `/data/${same}`, 0, 9);
    const { birthtimeNs, ctimeNs } = statSync(home, { bigint: true });
    // Where no births are kept nobody can tell, and it is refused.
    expect(reply.ok).toBe(birthtimeNs < ctimeNs);
  }
  // Such as tmpfs: there is nothing to mistake.
  if (met === 0) skip('this file system gives no number twice');
});
