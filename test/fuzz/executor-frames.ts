// Frames the daemon would never send into a true executor: it serves them, refuses them, or ends itself
// with a code it has for that. It never crashes, and never sends a frame that is none.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import fc from 'fast-check';
import { encodeFrame } from '../../src/base/frames/frame.ts';
import { FrameReader } from '../../src/base/frames/frame-reader.ts';
import { FrameKind } from '../../src/run/sandbox/executor/frames.ts';
import { executorBundle } from '../support/process-bundle.ts';
import { fixture } from '../support/sandbox.ts';
import { draw, properLoad, type SentFrame, sentFrame } from './frame-arbitraries.ts';
import { Finding, type FuzzTarget, Met } from './target.ts';

/** `quit(0)` at the end of its input, `quit(3)` for a frame it cannot trust. */
const CODES: ReadonlySet<number | null> = new Set([0, 3]);
const FROM_EXECUTOR: ReadonlySet<number> = new Set([
  FrameKind.ready,
  FrameKind.loaded,
  FrameKind.request,
  FrameKind.log,
  FrameKind.answer,
  FrameKind.failed,
]);
const DEADLINE_MS = 20_000;

export const executorFrames: FuzzTarget = {
  about: 'random frames into a true executor',
  runs: { sample: 40, long: 50_000 },
  open: async () => {
    const met = new Met();
    const path = await executorBundle();
    const packages = ['plain', 'keeps', 'kv-once', 'trap', 'truncated', 'unknown-import'].map(
      fixture,
    );
    const frames = fc.array(sentFrame(packages), { minLength: 1, maxLength: 8 });
    return {
      met,
      async run(random) {
        const sent = draw(frames, random);
        if (random.chance(2, 3)) sent.unshift(properLoad(random.pick(packages)));
        const input = Buffer.concat(sent.map(encode));
        const flags = [
          '--permission',
          `--allow-fs-read=${path}`,
          '--disable-sigusr1',
          '--expose-gc',
        ];
        const child = spawn(process.execPath, [...flags, path], { env: {}, cwd: '/' });
        const heard = listen(child, input);
        child.stdin.on('error', () => undefined);
        // In pieces, so that frames are met in parts.
        const cut = random.below(input.length + 1);
        child.stdin.write(input.subarray(0, cut));
        child.stdin.end(input.subarray(cut));
        const deadline = setTimeout(() => child.kill('SIGKILL'), DEADLINE_MS);
        const [code, signal] = (await once(child, 'close')) as [number | null, string | null];
        clearTimeout(deadline);
        if (heard.fault !== undefined) throw heard.fault;
        if (!CODES.has(code)) {
          throw new Finding(`it ended with ${String(code ?? signal)}: ${heard.stderr}`, input);
        }
        met.add(`exit ${String(code)}`);
        for (const kind of heard.kinds) met.add(`frame ${String(kind)}`);
      },
      close: () => Promise.resolve(),
    };
  },
};

function encode({ kind, call, head, body, grow, headGrow }: SentFrame): Uint8Array {
  const headBytes = Buffer.from(head, 'utf8');
  const frame = encodeFrame(kind, call, undefined, Buffer.concat([headBytes, body]));
  const view = new DataView(frame.buffer);
  view.setUint32(0, headBytes.length + body.length + grow, true);
  view.setUint32(4, headBytes.length + headGrow, true);
  return frame;
}

interface Heard {
  readonly kinds: number[];
  stderr: string;
  fault: Finding | undefined;
}

function listen(child: ChildProcess, input: Uint8Array): Heard {
  const heard: Heard = { kinds: [], stderr: '', fault: undefined };
  const reader = new FrameReader({
    accept: ({ kind }) => {
      if (!FROM_EXECUTOR.has(kind)) throw new RangeError(`a frame of kind ${String(kind)}`);
    },
    frame: ({ kind }) => void heard.kinds.push(kind),
  });
  child.stdout?.on('data', (chunk: Uint8Array) => {
    try {
      reader.push(chunk);
    } catch (cause) {
      heard.fault ??= new Finding('it sent something that is no frame', input, { cause });
    }
  });
  child.stderr?.on('data', (chunk: Buffer) => (heard.stderr += chunk.toString().slice(0, 2000)));
  return heard;
}
