// A component's transpiled form as one run of bytes, for the pipe and for the cache.
//
//   "WTB1", u32 length of the header, header JSON {glue, shape, cores: [[name, length]…]} with
//   lengths in bytes, then glue, shape and cores.

import { WarderError } from '../../../base/errors/errors.ts';

/** What the executor needs to run a component. */
export interface TranspiledComponent {
  /** ES module text made by jco. */
  readonly glue: string;
  /** Core modules by the file name the glue asks for. */
  readonly cores: ReadonlyMap<string, Uint8Array>;
  /** JSON of a `Shape`. */
  readonly shape: string;
}

const MAGIC = [0x57, 0x54, 0x42, 0x31];
const CORE_NAME = /^component\.core\d{0,4}\.wasm$/;
const MAX_CORES = 256;

export function encodeBundle(component: TranspiledComponent): Uint8Array {
  const encoder = new TextEncoder();
  const glue = encoder.encode(component.glue);
  const shape = encoder.encode(component.shape);
  const cores = [...component.cores];
  const header = encoder.encode(
    JSON.stringify({
      glue: glue.length,
      shape: shape.length,
      cores: cores.map(([name, bytes]) => [name, bytes.length]),
    }),
  );
  const parts = [Uint8Array.from(MAGIC), u32(header.length), header, glue, shape];
  for (const [, bytes] of cores) parts.push(bytes);
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

function u32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value, true);
  return bytes;
}

interface Header {
  readonly glue: number;
  readonly shape: number;
  readonly cores: readonly (readonly [name: string, length: number])[];
}

/**
 * @throws WarderError `malformed` when the bytes are no such bundle.
 */
export function decodeBundle(bytes: Uint8Array): TranspiledComponent {
  if (!MAGIC.every((byte, index) => bytes[index] === byte) || bytes.length < 8) throw malformed();
  let at = 8;
  const take = (length: number): Uint8Array => {
    if (!Number.isSafeInteger(length) || length < 0 || length > bytes.length - at)
      throw malformed();
    at += length;
    return bytes.subarray(at - length, at);
  };
  const decoder = new TextDecoder('utf-8', { fatal: true });
  const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(4, true);
  const header = readHeader(decoder.decode(take(length)));
  const glue = decoder.decode(take(header.glue));
  const shape = decoder.decode(take(header.shape));
  const cores = new Map(header.cores.map(([name, size]) => [name, take(size)]));
  if (at !== bytes.length) throw malformed();
  return { glue, shape, cores };
}

function readHeader(text: string): Header {
  const header = JSON.parse(text) as Partial<Header>;
  const valid =
    typeof header.glue === 'number' &&
    typeof header.shape === 'number' &&
    Array.isArray(header.cores) &&
    header.cores.length <= MAX_CORES &&
    header.cores.every(
      (core: unknown) =>
        Array.isArray(core) && CORE_NAME.test(String(core[0])) && typeof core[1] === 'number',
    );
  if (!valid) throw malformed();
  return header as Header;
}

function malformed(): WarderError {
  return new WarderError('malformed', 'the transpiled form of a component does not parse');
}
