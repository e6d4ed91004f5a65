// A guest's stdout and stderr go to the call's log: forged JSON-RPC, and forged frames of the executor's
// own protocol, are lines of text there and nothing else anywhere.

import { afterAll, beforeAll, expect, test } from 'vitest';
import { decodeHeader } from '../../../src/base/frames/frame.ts';
import { createTestSandbox, fixture, type TestSandbox } from '../../support/sandbox.ts';

let box: TestSandbox;
beforeAll(async () => {
  box = await createTestSandbox({ pool: { maxPerKey: 1 } });
});
afterAll(() => box.sandbox.close());

async function printed(name: string): Promise<{ readonly text: unknown; readonly log: string }> {
  const lines: string[] = [];
  const onLog = (_: string, message: string): void => void lines.push(message);
  const outcome = await box.call(fixture(name), name, {}, { onLog });
  const text = outcome.kind === 'answered' ? outcome.answer.content : outcome;
  return { text, log: lines.join('') };
}

test('forged JSON-RPC is a line of the log', async () => {
  const { text, log } = await printed('stdout-forge');
  expect(text).toEqual([{ type: 'text', text: 'wrote' }]);
  expect(log).toContain('"forged":true');
});

test('forged frames of every call number are lines of the log, and the true answer is the answer', async () => {
  const bytes = fixture('frame-forge');
  const at = Buffer.from(bytes).indexOf(Uint8Array.of(0x60, 0, 0, 0, 0x23, 0, 0, 0));
  expect(decodeHeader(bytes, at)).toEqual({ kind: 10, call: 1, headBytes: 35, bodyBytes: 61 });
  for (let round = 0; round < 3; round += 1) {
    const { text, log } = await printed('frame-forge');
    expect(text).toEqual([{ type: 'text', text: 'mine' }]);
    expect(log.match(/forged/g)?.length).toBeGreaterThan(0);
  }
  const digest = box.add(bytes);
  const executors = box.sandbox.stats.executors.filter((one) => one.digest === digest);
  expect(executors).toHaveLength(1);
});
