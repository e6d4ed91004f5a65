import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
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
import { type BackEndKey, checkedSigner } from '../../../src/trust/signer/checked-signer.ts';
import { memoryKey, openMemorySigner } from '../../../src/trust/signer/memory/memory-signer.ts';
import type { Signer } from '../../../src/trust/signer/signer.ts';
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

test('one admitter at a time has a memory; the next one gets it once the first has let go', async () => {
  const { admitter, path } = await opened();
  await expect(openCheckpointAdmitter(path, origin)).rejects.toMatchObject({
    code: 'unavailable',
    message: expect.stringContaining('another signer holds') as string,
  });
  await ask(admitter, treeOf(1), 0);
  await admitter.close();
  await ask(await open(path), treeOf(2), 1);
});

test('another process that holds the memory keeps everybody else from it, until it is killed', async () => {
  const { admitter, path } = await opened();
  await admitter.close();
  const module = new URL('../../../src/trust/receipt/checkpoint-admitter.ts', import.meta.url);
  const script = `import(${JSON.stringify(module.href)}).then(async (room) => {
    await room.openCheckpointAdmitter(${JSON.stringify(path)}, ${JSON.stringify(origin)});
    process.stdout.write('held');
    setInterval(() => {}, 1000);
  });`;
  const holder = spawn(process.execPath, ['--no-warnings', '-e', script]);
  await once(holder.stdout, 'data');
  await expect(openCheckpointAdmitter(path, origin)).rejects.toMatchObject({ code: 'unavailable' });
  const ended = once(holder, 'exit');
  holder.kill('SIGKILL');
  await ended;
  await ask(await open(path), treeOf(1), 0);
});

/** A key that counts how often it is asked. */
function counting(admitter: LogAdmitter): { signer: Signer; asked: () => number } {
  const back = memoryKey('ES256');
  let asked = 0;
  const sign: BackEndKey['sign'] = (payload, request) => {
    if (request.kind === 'checkpoint') asked += 1;
    return back.sign(payload, request);
  };
  const rules = { roles: ['checkpoint'], admitters: [admitter] } as const;
  return { signer: checkedSigner({ ...back, sign }, rules), asked: () => asked };
}

test('a head that was signed is signed no second time, over a restart either', async () => {
  const { admitter, path } = await opened();
  const { signer, asked } = counting(admitter);
  const tree = treeOf(3);
  const payload = encodeUtf8(formatHead({ origin, size: 3, root: tree.root() }));
  const request = { kind: 'checkpoint', payload, evidence: checkpointEvidence(0, []) } as const;
  const first = await signer.sign(request);
  expect(await signer.sign(request)).toEqual(first);
  expect(asked()).toBe(1);
  expect(await admitter.last()).toMatchObject({
    epoch: 1,
    size: 3,
    unproven: [],
    signatures: [{ kid: signer.key.kid, signature: first }],
  });
  await admitter.close();
  const again = await open(path);
  const restarted = counting(again);
  // Another key has to sign for itself.
  await restarted.signer.sign(request);
  expect(restarted.asked()).toBe(1);
  expect((await again.last()).signatures).toHaveLength(2);
  // And a signature that was tampered with is none.
  const text = readFileSync(path, 'utf8');
  await again.close();
  writeFileSync(path, text.replace(/"signature":"..../, '"signature":"AAAA'));
  await expect(openCheckpointAdmitter(path, origin)).rejects.toMatchObject({ code: 'unavailable' });
});

test('every change of a single byte of the memory is noticed', async () => {
  const { admitter, path } = await opened();
  await ask(admitter, treeOf(5), 0);
  await admitter.close();
  const whole = readFileSync(path);
  for (let at = 0; at < whole.length - 1; at += 7) {
    const bytes = Uint8Array.from(whole);
    bytes[at] = (bytes[at] ?? 0) ^ 1;
    writeFileSync(path, bytes);
    await expect(openCheckpointAdmitter(path, origin), `byte ${at}`).rejects.toMatchObject({
      code: 'unavailable',
    });
    writeFileSync(path, whole.subarray(0, at));
    await expect(openCheckpointAdmitter(path, origin), `cut ${at}`).rejects.toMatchObject({
      code: 'unavailable',
    });
  }
  writeFileSync(path, whole);
  await ask(await open(path), treeOf(6), 5);
});

test('the memory of an earlier version goes on, with leases from then on', async () => {
  const { admitter, path } = await opened();
  await ask(admitter, treeOf(5), 0);
  await admitter.close();
  const root = Buffer.from(treeOf(5).root()).toString('base64');
  writeFileSync(path, JSON.stringify({ version: 1, epoch: 1, origin, size: 5, root }));
  rmSync(path.replace('.json', '.leases'));
  const again = await open(path);
  await expect(ask(again, treeOf(5, 'theirs'), 5)).rejects.toMatchObject(refused);
  await ask(again, treeOf(6), 5);
  await again.close();
  // Once it has leases their file is not missing again.
  rmSync(path.replace('.json', '.leases'));
  await expect(openCheckpointAdmitter(path, origin)).rejects.toMatchObject({ code: 'unavailable' });
});
