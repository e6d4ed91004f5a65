// Frames, nearly frames, and noise, drawn with fast-check.

import fc from 'fast-check';
import type { JsonObject } from '../../src/base/encoding/json.ts';
import { FrameKind } from '../../src/run/sandbox/executor/frames.ts';
import type { Random } from './random.ts';

/** One value of an arbitrary, from the numbers of this try. */
export function draw<T>(arbitrary: fc.Arbitrary<T>, random: Random): T {
  const [value] = fc.sample(arbitrary, { seed: random.next() | 0, numRuns: 1 });
  return value as T;
}

const base64 = (maxLength: number): fc.Arbitrary<string> =>
  fc.uint8Array({ maxLength }).map((bytes) => Buffer.from(bytes).toString('base64'));

const OPERATIONS =
  'kv-get kv-set kv-delete kv-list file-roots file-stat file-list file-read file-write http __proto__';

const requestHead = fc.record(
  {
    op: fc.oneof(fc.constantFrom(...OPERATIONS.split(' ')), fc.string({ maxLength: 8 })),
    key: fc.oneof(fc.string(), fc.integer(), fc.constant(null)),
    prefix: fc.string(),
    path: fc.oneof(fc.string(), fc.constantFrom('/', '/../..', '\0', '/data/'.repeat(500))),
    offset: fc.oneof(fc.integer(), fc.double(), fc.string()),
    length: fc.oneof(fc.integer(), fc.constant(2 ** 53)),
    url: fc.oneof(fc.webUrl(), fc.string()),
    method: fc.string({ maxLength: 10 }),
    headers: fc.oneof(fc.array(fc.tuple(fc.string(), fc.string())), fc.jsonValue()),
    handle: fc.oneof(fc.integer(), fc.string()),
  },
  { requiredKeys: ['op'] },
);

const answer = JSON.stringify({ content: [{ type: 'text', text: 'fuzz' }] });

/** Text of a head: of the right kind, of any JSON, of none, or far too deep. */
const head = fc.oneof(
  fc.constant(''),
  requestHead.map((value) => JSON.stringify(value)),
  fc.constantFrom('info', 'error', 'shout', 7, null).map((level) => JSON.stringify({ level })),
  fc
    .record({ peakMemoryBytes: fc.jsonValue(), cpuMicros: fc.jsonValue(), reason: fc.jsonValue() })
    .map((value) => JSON.stringify(value)),
  fc.jsonValue().map((value) => JSON.stringify(value)),
  fc.nat(5000).map((depth) => '['.repeat(depth)),
  fc.constantFrom('{"__proto__":{"level":"info"}}', '{"level":"info","level":7}', '\u0000'),
);

const kind = fc.oneof(fc.constantFrom<number>(...Object.values(FrameKind)), fc.nat(255));
const slip = fc.oneof(
  { weight: 8, arbitrary: fc.constant(0) },
  fc.constantFrom(-1, 1, 17, 2 ** 24, 2 ** 31, -(2 ** 31)),
);

/** A step of test/fixtures/executors/scripted.mjs. */
const step: fc.Arbitrary<JsonObject> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ kind, call: slip, head, body: base64(200), grow: slip, headGrow: slip }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant<number>(FrameKind.log),
      head: fc.constant('{"level":"info"}'),
      body: base64(2000),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant<number>(FrameKind.request),
      head: requestHead.map((value) => JSON.stringify(value)),
      body: base64(50),
    }),
  },
  { weight: 2, arbitrary: fc.constant({ read: true }) },
  {
    weight: 1,
    arbitrary: fc.constant({
      kind: FrameKind.answer,
      head: '{"peakMemoryBytes":0,"cpuMicros":0}',
      body: Buffer.from(answer).toString('base64'),
    }),
  },
  { weight: 1, arbitrary: base64(400).map((raw) => ({ raw })) },
);

/** What a scripted executor does with a call. */
export const script: fc.Arbitrary<JsonObject> = fc.record({
  steps: fc.oneof(
    { weight: 9, arbitrary: fc.array(step, { maxLength: 8 }) },
    // The same over and over: a flood.
    { weight: 1, arbitrary: step.map((each) => Array.from({ length: 3000 }, () => each)) },
  ),
  end: fc.constantFrom('exit', 'hang', 'serve', 'serve'),
});

/** What the daemon would never send, for an executor's stdin. */
export interface SentFrame {
  readonly kind: number;
  readonly call: number;
  readonly head: string;
  readonly body: Uint8Array;
  readonly grow: number;
  readonly headGrow: number;
}

/** A load that is in order. */
export function properLoad(body: Uint8Array): SentFrame {
  const parts = [{ name: 'wasm', length: body.length }];
  const head = JSON.stringify({ engine: 'extism', maxMemoryBytes: 2 ** 24, parts });
  return { kind: FrameKind.load, call: 1, head, body, grow: 0, headGrow: 0 };
}

export function sentFrame(packages: readonly Uint8Array[]): fc.Arbitrary<SentFrame> {
  const call = fc.nat(3);
  const exact = { call, grow: fc.constant(0), headGrow: fc.constant(0) };
  const load = fc.constantFrom(...packages).chain((body) =>
    fc.record({
      ...exact,
      kind: fc.constant<number>(FrameKind.load),
      head: fc
        .record({
          engine: fc.constantFrom('extism', 'extism', 'extism', 'component', '__proto__', 7),
          maxMemoryBytes: fc.constantFrom(2 ** 24, 2 ** 24, 2 ** 24, 0, -1, 1e300, '7', null),
          parts: fc.constantFrom(
            [{ name: 'wasm', length: body.length }],
            [{ name: 'wasm', length: body.length }],
            [{ name: 'wasm', length: -1 }],
            [{ name: 'glue', length: body.length }],
            7,
          ),
        })
        .map((value) => JSON.stringify(value)),
      body: fc.constant(body),
    }),
  );
  const run = fc.record({
    ...exact,
    kind: fc.constant<number>(FrameKind.call),
    head: fc
      .record({
        tool: fc.oneof(
          { weight: 3, arbitrary: fc.constantFrom<unknown>('upper', 'keeps', '__proto__') },
          fc.jsonValue(),
        ),
        env: fc.constantFrom<unknown>({}, {}, {}, { A: '1' }, 7, null),
        config: fc.constantFrom<unknown>({}, {}, { a: '1' }, 'x', null),
        roots: fc.constantFrom<unknown>([], ['/data'], 7),
        writable: fc.constantFrom<unknown>([], null),
        outputBytes: fc.constantFrom<unknown>(1000, 1000, 1000, -1, 'x'),
      })
      .map((value) => JSON.stringify(value)),
    body: fc.constantFrom('{"input":"x"}', '{}', '', '[', '\0').map((text) => Buffer.from(text)),
  });
  const other = fc.record({
    kind,
    call,
    head,
    body: fc.uint8Array({ maxLength: 100 }),
    grow: slip,
    headGrow: slip,
  });
  const plain = fc
    .constantFrom<number>(FrameKind.describe, FrameKind.rest, FrameKind.reply)
    .chain((each) =>
      fc.record({
        ...exact,
        kind: fc.constant(each),
        head: fc.constant(''),
        body: fc.constant(new Uint8Array()),
      }),
    );
  return fc.oneof(
    { weight: 2, arbitrary: load },
    { weight: 4, arbitrary: run },
    { weight: 2, arbitrary: plain },
    { weight: 1, arbitrary: other },
  );
}
