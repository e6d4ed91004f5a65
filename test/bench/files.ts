// What the governed way costs a file: a guest opens, reads and closes 64 KiB inside one running call,
// against the same with node:fs in one process.

import {
  closeSync,
  mkdtempSync,
  openSync,
  readSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import type { Permit } from '../../src/decide/policy/permit.ts';
import { createFiles, type FilesSession } from '../../src/reach/files/files.ts';
import { processBundle } from '../support/process-bundle.ts';
import { createTestSandbox, fixture, type TestSandbox } from '../support/sandbox.ts';
import { median, type Report } from './report.ts';

const READS = 100;
const ROUNDS = 80;
const WARM_UP_ROUNDS = 30;
const FILE_BYTES = 64 << 10;

/** `file-read`: microseconds of one open, read and close, mean of 100; the call without them is subtracted. */
export async function benchFiles(report: Report): Promise<void> {
  const root = realpathSync(mkdtempSync(join(tmpdir(), 'warder-bench-')));
  const path = join(root, 'file');
  writeFileSync(path, Buffer.alloc(FILE_BYTES, 'x'));
  const files = createFiles({ brokerPath: await processBundle('files-broker'), deny: [] });
  const sessions = new Map<Permit, FilesSession>();
  const box = await createTestSandbox({
    serve: (permit, asked, signal) => {
      if (!asked.op.startsWith('file-')) throw new TypeError('only files here');
      const session = sessions.get(permit) ?? files.open(permit, () => undefined);
      sessions.set(permit, session);
      return session.serve(asked as Parameters<FilesSession['serve']>[0], signal);
    },
  });
  try {
    const [ours, theirs]: [number[], number[]] = [[], []];
    for (let round = 0; round < ROUNDS; round += 1) {
      const [one, other] = [await governed(box, root), bare(path)];
      for (const session of sessions.values()) session.close();
      sessions.clear();
      if (round < WARM_UP_ROUNDS) continue;
      ours.push(one);
      theirs.push(other);
    }
    report.ratio('file-read', median(ours), 'us', 'node:fs in-process', median(theirs));
  } finally {
    await box.sandbox.close();
    await files.close();
    rmSync(root, { recursive: true });
  }
}

async function governed(box: TestSandbox, root: string): Promise<number> {
  const empty = await timeCall(box, root, 0);
  return ((await timeCall(box, root, READS)) - empty) / READS;
}

/** Microseconds of one call. */
async function timeCall(box: TestSandbox, host: string, count: number): Promise<number> {
  const terms = { read: [{ host, guest: '/data' }], config: { count: 'x'.repeat(count) } };
  const start = performance.now();
  const outcome = await box.call(fixture('files-many'), 'files-many', {}, { terms });
  const took = (performance.now() - start) * 1000;
  if (outcome.kind !== 'answered' || !JSON.stringify(outcome.answer).includes('whole')) {
    throw new Error(`not as asked: ${JSON.stringify(outcome).slice(0, 300)}`);
  }
  return took;
}

function bare(path: string): number {
  const into = Buffer.alloc(FILE_BYTES);
  const start = performance.now();
  for (let count = 0; count < READS; count += 1) {
    const descriptor = openSync(path, 'r');
    readSync(descriptor, into, 0, FILE_BYTES, 0);
    closeSync(descriptor);
  }
  return ((performance.now() - start) * 1000) / READS;
}
