// Egress without a network: a test says how each request goes.

import type {
  Egress,
  EgressEffect,
  EgressReply,
  EgressRequest,
} from '../../src/reach/egress/egress.ts';
import { Trace } from '../../src/reach/egress/trace.ts';

/** How a request went: what the guest is told, and what is recorded, in order. */
export interface FakeResult {
  readonly reply: EgressReply;
  readonly effects: readonly EgressEffect[];
}

/** While `fetch` has not settled its request is under way: sent, and not answered. */
export function fakeEgress(fetch: (request: EgressRequest) => Promise<FakeResult>): Egress {
  return {
    open: (_permit, record) => {
      const traces = new Set<Trace>();
      return {
        fetch: async (request) => {
          const trace = new Trace(request.method, request.url);
          trace.reach('sent');
          traces.add(trace);
          try {
            const { reply, effects } = await fetch(request);
            for (const effect of effects) record(effect);
            return reply;
          } finally {
            traces.delete(trace);
          }
        },
        stream: () => Promise.reject(new TypeError('nothing streams here')),
        underWay: () => [...traces].map((trace) => trace.effect()),
        masked: 0,
        close: () => undefined,
      };
    },
    warm: () => undefined,
    close: () => Promise.resolve(),
  };
}
