import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { encodeUtf8 } from '../../../src/base/encoding/utf8.ts';
import {
  checkpointEvidence,
  type LogAdmitter,
  openCheckpointAdmitter,
} from '../../../src/trust/receipt/checkpoint-admitter.ts';
import { createCheckpointMemory } from '../../../src/trust/receipt/checkpoint-memory.ts';
import { LogTree } from '../../../src/trust/receipt/log-tree.ts';
import { openMemorySigner } from '../../../src/trust/signer/memory/memory-signer.ts';
import { formatHead } from '../../../src/trust/verify/checkpoint.ts';
import { scratch } from './log-fixture.ts';

const origin = 'warder.invalid/log/0123456789abcdef';
const { key } = openMemorySigner('ES256', { roles: ['checkpoint'] });
const refused = { code: 'not-trusted' };

/** A tree of leaves that are all the same but for `kind`. */
function treeOf(size: number, kind = 'ours'): LogTree {
  const leaves = (from: number, count: number): Uint8Array[] =>
    Array.from({ length: count }, (_, at) => encodeUtf8(`${kind} ${from + at}`));
  return new LogTree({ tile: () => undefined, leaves }, size);
}

async function open(path: string): Promise<LogAdmitter> {
  const admitter = await openCheckpointAdmitter(path, origin);
  onTestFinished(() => admitter.close());
  return admitter;
}

async function opened(): Promise<{ admitter: LogAdmitter; path: string }> {
  const path = join(scratch(), 'memory.json');
  await createCheckpointMemory(path, origin);
  return { admitter: await open(path), path };
}

function ask(
  admitter: LogAdmitter,
  tree: LogTree,
  from: number,
  changes: { text?: string; proof?: readonly Uint8Array[] } = {},
): Promise<void> {
  const text = changes.text ?? formatHead({ origin, size: tree.size, root: tree.root() });
  const proof = changes.proof ?? tree.consistency(from, tree.size);
  const evidence = checkpointEvidence(from, proof);
  const request = { kind: 'checkpoint', payload: encodeUtf8(text), evidence } as const;
  return Promise.resolve(admitter.admit(request, key));
}

test('a log that grows is signed, the same head twice too', async () => {
  const { admitter, path } = await opened();
  await ask(admitter, treeOf(0), 0);
  await ask(admitter, treeOf(3), 0);
  await ask(admitter, treeOf(3), 0);
  await ask(admitter, treeOf(7), 3);
  await admitter.close();
  const again = await open(path);
  await ask(again, treeOf(300), 7);
});

test('a fork is never signed, at any size', async () => {
  const { admitter } = await opened();
  await ask(admitter, treeOf(5), 0);
  await expect(ask(admitter, treeOf(5, 'theirs'), 5)).rejects.toMatchObject(refused);
  await expect(ask(admitter, treeOf(9, 'theirs'), 5)).rejects.toMatchObject(refused);
  await expect(ask(admitter, treeOf(9, 'theirs'), 0)).rejects.toMatchObject(refused);
  await ask(admitter, treeOf(9), 5);
});

test('a rollback is never signed, and the refusal says what was', async () => {
  const { admitter } = await opened();
  await ask(admitter, treeOf(5), 0);
  await expect(ask(admitter, treeOf(4), 4)).rejects.toMatchObject({
    ...refused,
    data: { signedSize: 5 },
  });
  await expect(ask(admitter, treeOf(0), 0)).rejects.toMatchObject(refused);
});

test('two requests at once cannot both be first', async () => {
  const { admitter } = await opened();
  const answers = await Promise.allSettled([
    ask(admitter, treeOf(5), 0),
    ask(admitter, treeOf(5, 'theirs'), 0),
  ]);
  expect(answers).toMatchObject([{ status: 'fulfilled' }, { status: 'rejected', reason: refused }]);
});

test.each([
  ['another log', 'warder.invalid/log/other\n1\n'],
  ['extension lines', `${origin}\n1\n`],
])('a head with %s is not signed', async (what, start) => {
  const { admitter } = await opened();
  const head = formatHead({ origin, size: 1, root: treeOf(1).root() }).split('\n');
  const text = `${start}${head[2]}\n${what === 'extension lines' ? 'more\n' : ''}`;
  await expect(ask(admitter, treeOf(1), 0, { text })).rejects.toMatchObject(refused);
});

test('a proof that is too long, too short or not there admits nothing', async () => {
  const { admitter } = await opened();
  await ask(admitter, treeOf(5), 0);
  const good = treeOf(9).consistency(5, 9);
  for (const proof of [
    [],
    good.slice(1),
    [...good, ...good],
    Array.from({ length: 65 }, () => good[0] ?? new Uint8Array()),
  ]) {
    await expect(ask(admitter, treeOf(9), 5, { proof })).rejects.toMatchObject(refused);
  }
  const payload = encodeUtf8(formatHead({ origin, size: 9, root: treeOf(9).root() }));
  for (const evidence of [undefined, null, 5, { from: 5 }, { from: 5, proof: ['='] }]) {
    const request = { kind: 'checkpoint', payload, evidence } as const;
    await expect(Promise.resolve(admitter.admit(request, key))).rejects.toMatchObject(refused);
  }
});

test('a memory that is gone never means an empty log', async () => {
  const { admitter, path } = await opened();
  await admitter.close();
  rmSync(path);
  await expect(openCheckpointAdmitter(path, origin)).rejects.toMatchObject({ code: 'unavailable' });
});

test.each(['', '{}', '{"version":2}', 'null', '{"version":1,"origin":"x","size":0,"root":""}'])(
  'a damaged memory is refused: `%s`',
  async (text) => {
    const { admitter, path } = await opened();
    await admitter.close();
    writeFileSync(path, text);
    await expect(openCheckpointAdmitter(path, origin)).rejects.toMatchObject({
      code: 'unavailable',
    });
  },
);

test('making a memory again changes nothing', async () => {
  const { admitter, path } = await opened();
  await ask(admitter, treeOf(5), 0);
  expect(await createCheckpointMemory(path, origin)).toBe(false);
  await admitter.close();
  const again = await open(path);
  await expect(ask(again, treeOf(5, 'theirs'), 0)).rejects.toMatchObject(refused);
});

test('what cannot be remembered is not signed', async () => {
  const { admitter, path } = await opened();
  rmSync(join(path, '..'), { recursive: true });
  await expect(ask(admitter, treeOf(1), 0)).rejects.toMatchObject({ code: 'unavailable' });
});
