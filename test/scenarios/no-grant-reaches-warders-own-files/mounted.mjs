// Runs in a mount namespace of its own: warder's home, and parts of it, mounted at other places. Says
// what the naive form and the broker read there, as JSON. Arguments: broker, way, tree.

import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createFiles } from '../../../src/reach/files/files.ts';
import { permitFor } from '../../support/file-tree.ts';

const [brokerPath, way, root] = process.argv.slice(2);
const home = join(root, 'user/.warder');
mkdirSync(join(home, 'keys'), { recursive: true });
writeFileSync(join(home, 'keys/signing'), 'key');

const shared = join(root, 'shared');
for (const name of ['home', 'keys']) {
  mkdirSync(join(shared, name), { recursive: true });
  mkdirSync(join(root, 'granted', name), { recursive: true });
}
writeFileSync(join(shared, 'file'), 'harmless');
const bind = (from, to) => execFileSync('mount', ['-n', '--bind', from, to]);
bind(home, join(shared, 'home'));
bind(join(home, 'keys'), join(shared, 'keys'));
bind(join(home, 'keys/signing'), join(shared, 'file'));
bind(home, join(root, 'granted/home'));
bind(join(home, 'keys'), join(root, 'granted/keys'));

const files = createFiles({ brokerPath, way, deny: [home] });
const { signal } = new AbortController();
const seen = [];
for (const [granted, path] of [
  ['shared', 'home/keys/signing'],
  ['shared', 'keys/signing'],
  ['shared', 'file'],
  ['granted/home', 'keys/signing'],
  ['granted/keys', 'signing'],
]) {
  const session = files.open(permitFor(join(root, granted)), () => undefined);
  const reply = await session.serve(
    { op: 'file-read', path: `/data/${path}`, offset: 0, length: 10 },
    signal,
  );
  seen.push({
    place: `${granted}/${path}`,
    naive: readFileSync(join(root, granted, path), 'utf8'),
    ours: reply.ok ? Buffer.from(reply.bytes).toString() : reply.code,
  });
}
await files.close();
process.stdout.write(JSON.stringify(seen));
