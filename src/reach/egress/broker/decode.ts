// Undoes the coding of a body while it arrives, never faster than it is read.

import {
  constants,
  createBrotliDecompress,
  createGunzip,
  createInflate,
  createZstdDecompress,
} from 'node:zlib';
import type { Transform } from 'node:stream';
import type { Flow } from './body.ts';

/** What asks a server for the codings that are understood here. */
export const ACCEPTED_CODINGS = 'gzip, deflate, br, zstd';

/** 8 MiB: what RFC 9659 lets an HTTP answer ask for. */
const ZSTD_WINDOW_LOG = 23;

/** Where the plain bytes go. */
export interface Sink {
  push(chunk: Uint8Array): void;
  end(): void;
  fail(reason: Error): void;
}

/** Takes coded bytes; stops the sender while it has enough. */
export interface Decoder extends Sink, Flow {}

/** Undefined for a coding that is not understood: its bytes pass as they are. */
export function decoderFor(coding: string, source: Flow, sink: Sink): Decoder | undefined {
  const stream = decompressor(coding.trim().toLowerCase());
  if (stream === undefined) return undefined;
  stream.on('data', (chunk: Uint8Array) => sink.push(chunk));
  stream.on('end', () => sink.end());
  stream.on('error', (error) => {
    sink.fail(error);
    source.abort(error);
  });
  stream.on('drain', () => source.resume());
  return {
    push: (chunk) => {
      if (!stream.destroyed && !stream.write(chunk)) source.pause();
    },
    end: () => stream.end(),
    fail: (reason) => {
      stream.destroy();
      sink.fail(reason);
    },
    pause: () => stream.pause(),
    resume: () => stream.resume(),
    abort: (reason) => {
      stream.destroy();
      source.abort(reason);
    },
  };
}

function decompressor(coding: string): Transform | undefined {
  switch (coding) {
    case 'gzip':
    case 'x-gzip':
      return createGunzip();
    case 'deflate':
      return createInflate();
    case 'br':
      return createBrotliDecompress();
    case 'zstd':
      return createZstdDecompress({ params: { [constants.ZSTD_d_windowLogMax]: ZSTD_WINDOW_LOG } });
    default:
      return undefined;
  }
}
