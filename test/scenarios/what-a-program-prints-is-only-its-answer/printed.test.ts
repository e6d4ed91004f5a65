// A program prints forged JSON-RPC on every descriptor it can name. Under node:wasi that is the output of
// the process that runs it: a peer on its pipe reads an answer nobody gave.

import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ProgramBox, programBox, runNaively } from '../../support/programs.ts';

const FORGED = '{"jsonrpc":"2.0","id":1,"result":{"content":[],"isError":false}}';

let programs: ProgramBox;
beforeAll(async () => {
  programs = await programBox();
});
afterAll(() => programs[Symbol.asyncDispose]());

test('naively, the line stands on the output of the process', () => {
  const [line = ''] = runNaively(['say', FORGED, '1']).stdout.split('\n');
  expect(JSON.parse(line)).toMatchObject({ jsonrpc: '2.0', id: 1 });
});

test('it is text of the answer, and on no other descriptor anything at all', async () => {
  const lines: string[] = [];
  const onLog = (_: string, line: string): void => void lines.push(line);
  for (const fd of [1, 2, 0, 3, 4, 5, 6, 10, 17, 100, 2 ** 31, 2 ** 32 - 1]) {
    const outcome = await programs.run(['say', FORGED, String(fd)], { onLog });
    const line = `${FORGED}\n`;
    expect(outcome).toMatchObject({
      kind: 'answered',
      answer: {
        content: [{ type: 'text', text: fd === 1 ? line : '' }],
        structuredContent: {
          exitCode: 0,
          stdout: fd === 1 ? line : '',
          stderr: fd === 2 ? line : '',
        },
        isError: false,
      },
    });
  }
  expect(lines).toEqual([]);
  expect(programs.box.sandbox.stats.executors).toHaveLength(1);
});
