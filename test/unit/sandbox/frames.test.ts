import { describe, expect, test } from 'vitest';
import fc from 'fast-check';
import { decodeHeader, encodeFrame, HEADER_BYTES } from '../../../src/base/frames/frame.ts';
import { FrameKind, joinParts, splitParts } from '../../../src/run/sandbox/executor/frames.ts';
import { type Frame, FrameReader } from '../../../src/base/frames/frame-reader.ts';

function collect(accept: (length: number) => void = () => {}): {
  reader: FrameReader;
  frames: Frame[];
} {
  const frames: Frame[] = [];
  const reader = new FrameReader({
    accept: ({ headBytes, bodyBytes }) => accept(headBytes + bodyBytes),
    frame: (frame) => frames.push({ ...frame, body: frame.body.slice() }),
  });
  return { reader, frames };
}

describe('frames', () => {
  test('arrive whole however the stream is cut', () => {
    const frame = fc.record({
      kind: fc.constantFrom(...Object.values(FrameKind)),
      call: fc.integer({ min: 0, max: 0xffff_ffff }),
      head: fc.option(fc.dictionary(fc.string(), fc.string()), { nil: undefined }),
      body: fc.uint8Array({ maxLength: 300 }),
    });
    const cuts = fc.array(fc.integer({ min: 1, max: 97 }), { minLength: 1 });
    fc.assert(
      fc.property(fc.array(frame, { maxLength: 8 }), cuts, (sent, sizes) => {
        const stream = Buffer.concat(
          sent.map(({ kind, call, head, body }) => encodeFrame(kind, call, head, body)),
        );
        const { reader, frames } = collect();
        for (let at = 0, turn = 0; at < stream.length; turn += 1) {
          const size = sizes[turn % sizes.length] ?? 1;
          reader.push(stream.subarray(at, at + size));
          at += size;
        }
        expect(frames.map(({ kind, call }) => [kind, call])).toEqual(
          sent.map(({ kind, call }) => [kind, call]),
        );
        for (const [index, { head, body }] of frames.entries()) {
          expect(Object.entries(head)).toEqual(Object.entries(sent[index]?.head ?? {}));
          expect(Buffer.from(body).equals(sent[index]?.body ?? Buffer.alloc(0))).toBe(true);
        }
      }),
    );
  });

  test('a length is judged before anything is stored, also when the header comes in pieces', () => {
    for (const cut of [1, 15, 16, 17]) {
      const frame = encodeFrame(FrameKind.answer, 1, {}, new Uint8Array(4));
      new DataView(frame.buffer).setUint32(0, 0xffff_fff0, true);
      const { reader } = collect((length) => {
        if (length > 1000) throw new RangeError('too large');
      });
      expect(() => {
        reader.push(frame.subarray(0, cut));
        reader.push(frame.subarray(cut));
      }).toThrow('too large');
    }
  });

  test('a header that contradicts itself is refused', () => {
    const frame = encodeFrame(FrameKind.log, 1, undefined, new Uint8Array(8));
    expect(decodeHeader(frame)).toEqual({
      kind: FrameKind.log,
      call: 1,
      headBytes: 0,
      bodyBytes: 8,
    });
    new DataView(frame.buffer).setUint32(4, 9, true);
    expect(() => decodeHeader(frame)).toThrow('head is longer');
    new DataView(frame.buffer).setUint32(4, 0, true);
    frame[HEADER_BYTES - 1] = 1;
    expect(() => decodeHeader(frame)).toThrow('padding');
  });

  test('a head that is no object, or not UTF-8, is refused', () => {
    for (const head of ['[]', '1', 'null', '{', '\u0000']) {
      const bytes = new TextEncoder().encode(head);
      const frame = encodeFrame(FrameKind.log, 1, undefined, bytes);
      new DataView(frame.buffer).setUint32(4, bytes.length, true);
      expect(() => collect().reader.push(frame)).toThrow();
    }
  });
});

test('parts of a load come apart as they were joined, or not at all', () => {
  const parts = new Map([
    ['glue', new Uint8Array([1, 2, 3])],
    ['core:a', new Uint8Array(0)],
    ['core:b', new Uint8Array([4])],
  ]);
  const { parts: list, body } = joinParts(parts);
  expect(splitParts(list, body)).toEqual(parts);
  expect(() => splitParts(list, body.subarray(1))).toThrow('do not fill');
});
