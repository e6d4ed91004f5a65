// The executor process: takes frames from stdin, runs guests, answers on stdout. It has no file
// system, no environment and no network; the daemon ends it from outside.

import { collectGarbage, limitWasmMemory } from './disarm.ts';

import { loadComponent } from './component/load.ts';
import {
  GuestFailure,
  GuestOutOfMemory,
  GuestOutputTooLarge,
  type LoadedTool,
  type Package,
} from './engine.ts';
import { loadExtism } from './extism/load.ts';
import {
  type AnswerHead,
  type CallHead,
  type FailedHead,
  FrameKind,
  type LoadHead,
  splitParts,
} from './frames.ts';
import { closedHost, PipeHost } from './guest-host.ts';
import { leave } from './litter.ts';
import { type OwnFrame, quit, readFrame, writeFrame } from '../../../base/frames/blocking-pipe.ts';

/** Part names of a component that are not core modules. */
const GLUE = 'glue';
const SHAPE = 'shape';
const CORE_PREFIX = 'core:';

const MAX_REASON = 2000;
const encoder = new TextEncoder();
const decoder = new TextDecoder();

let tool: LoadedTool | undefined;

writeFrame(FrameKind.ready, 0);
for (;;) await serve(readFrame());

async function serve(frame: OwnFrame): Promise<void> {
  const cpu = process.cpuUsage();
  try {
    switch (frame.kind) {
      case FrameKind.load:
        if (tool !== undefined) quit(3);
        tool = await load(frame);
        writeFrame(FrameKind.loaded, frame.call);
        return;
      case FrameKind.describe: {
        const { convention, tools } = await loaded().describe(closedHost);
        const body = encoder.encode(JSON.stringify(tools) ?? 'null');
        const head: AnswerHead = { peakMemoryBytes: 0, cpuMicros: micros(cpu), convention };
        writeFrame(FrameKind.answer, frame.call, head, body);
        return;
      }
      case FrameKind.call:
        await call(frame, cpu);
        return;
      case FrameKind.rest:
        collectGarbage();
        return;
      default:
        quit(3);
    }
  } catch (thrown) {
    const failed = failure(thrown, cpu);
    writeFrame(FrameKind.failed, frame.call, failed);
    leave(failed.peakMemoryBytes);
  }
}

async function call(frame: OwnFrame, cpu: NodeJS.CpuUsage): Promise<void> {
  const head = frame.head as unknown as CallHead;
  const host = new PipeHost(frame.call, head);
  const { bytes, peakMemoryBytes } = await loaded().call(head.tool, frame.body, host);
  if (bytes.length > head.outputBytes) {
    const failed: FailedHead = {
      cause: 'output',
      reason: `the answer has ${bytes.length} bytes of at most ${head.outputBytes}`,
      peakMemoryBytes,
      cpuMicros: micros(cpu),
    };
    writeFrame(FrameKind.failed, frame.call, failed);
  } else {
    const answer: AnswerHead = { peakMemoryBytes, cpuMicros: micros(cpu) };
    writeFrame(FrameKind.answer, frame.call, answer, bytes);
  }
  leave(peakMemoryBytes);
}

function loaded(): LoadedTool {
  return tool ?? quit(3);
}

async function load(frame: OwnFrame): Promise<LoadedTool> {
  const head = frame.head as unknown as LoadHead;
  const { maxMemoryBytes } = head;
  limitWasmMemory(maxMemoryBytes);
  const parts = splitParts(head.parts, frame.body);
  if (head.engine === 'extism') {
    return loadExtism({ engine: 'extism', wasm: part(parts, 'wasm'), maxMemoryBytes });
  }
  const cores = new Map<string, Uint8Array>();
  for (const [name, bytes] of parts) {
    if (name.startsWith(CORE_PREFIX)) cores.set(name.slice(CORE_PREFIX.length), bytes);
  }
  const component: Package = {
    engine: 'component',
    glue: decoder.decode(part(parts, GLUE)),
    shape: decoder.decode(part(parts, SHAPE)),
    cores,
    maxMemoryBytes,
  };
  return loadComponent(component);
}

function part(parts: ReadonlyMap<string, Uint8Array>, name: string): Uint8Array {
  return parts.get(name) ?? quit(3);
}

function failure(thrown: unknown, cpu: NodeJS.CpuUsage): FailedHead {
  const message =
    thrown instanceof Error ? thrown.message : 'something that is no error was thrown';
  return {
    cause: causeOf(thrown),
    reason: message.slice(0, MAX_REASON),
    peakMemoryBytes: thrown instanceof GuestFailure ? thrown.peakMemoryBytes : 0,
    cpuMicros: micros(cpu),
  };
}

function causeOf(thrown: unknown): FailedHead['cause'] {
  if (thrown instanceof GuestOutOfMemory) return 'memory';
  return thrown instanceof GuestOutputTooLarge ? 'output' : 'tool';
}

function micros(since: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(since);
  return user + system;
}
