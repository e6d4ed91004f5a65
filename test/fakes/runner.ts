// A runner without guests: each run does what the test says, through the real host calls.

import type { Permit } from '../../src/decide/policy/permit.ts';
import type { ToolCall } from '../../src/decide/request/tool-call.ts';
import type { HostCalls, HostReply, HostRequest } from '../../src/run/sandbox/host-calls.ts';
import type {
  RunOptions,
  RunOutcome,
  Runner,
  ToolAnswer,
  Usage,
} from '../../src/run/sandbox/runner.ts';

export const USAGE: Usage = {
  wallMs: 3,
  cpuMs: 2,
  peakMemoryBytes: 65_536,
  hostCalls: 0,
  outputBytes: 5,
  logBytes: 0,
};

/** What a guest sees while it runs. */
export interface Guest {
  readonly permit: Permit;
  readonly call: ToolCall;
  readonly options: RunOptions;
  /** A host call of this guest. */
  ask(request: HostRequest, signal?: AbortSignal): Promise<HostReply>;
}

export type Behaviour = (guest: Guest) => Promise<RunOutcome> | RunOutcome;

export class FakeRunner implements Runner {
  /** Calls that reached the guest, in order. */
  readonly ran: ToolCall[] = [];
  behaviour: Behaviour = () => answers('hi');
  hostCalls: HostCalls | undefined;

  jailOf(): 'none' {
    return 'none';
  }

  async run(permit: Permit, call: ToolCall, options: RunOptions = {}): Promise<RunOutcome> {
    this.ran.push(call);
    const ask: Guest['ask'] = (request, signal = new AbortController().signal) => {
      if (this.hostCalls === undefined) throw new TypeError('this runner has no host');
      return this.hostCalls.serve(permit, request, signal);
    };
    return this.behaviour({ permit, call, options, ask });
  }
}

export function answers(text: string, more: Partial<ToolAnswer> = {}): RunOutcome {
  const answer: ToolAnswer = { content: [{ type: 'text', text }], isError: false, ...more };
  return { kind: 'answered', answer, usage: USAGE };
}

/** Runs until its caller withdraws. */
export function hangs({ options }: Guest): Promise<RunOutcome> {
  return new Promise((resolve) => {
    const end = (): void => resolve({ kind: 'cancelled', usage: USAGE });
    if (options.signal?.aborted === true) end();
    options.signal?.addEventListener('abort', end, { once: true });
  });
}
