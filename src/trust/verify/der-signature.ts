// ECDSA signatures: DER as signed notes carry them, raw `r || s` as JWS and WebCrypto use them.

import { WarderError } from '../../base/errors/errors.ts';

/** Raw `r || s` to DER (RFC 3279 section 2.2.3). */
export function formatDerSignature(raw: Uint8Array): Uint8Array<ArrayBuffer> {
  const size = raw.length / 2;
  const body = [...integer(raw.subarray(0, size)), ...integer(raw.subarray(size))];
  return Uint8Array.from([0x30, ...derLength(body.length), ...body]);
}

function integer(magnitude: Uint8Array): number[] {
  let from = 0;
  while (from < magnitude.length - 1 && magnitude[from] === 0) from += 1;
  const bytes = [...magnitude.subarray(from)];
  if ((bytes[0] ?? 0) >= 0x80) bytes.unshift(0);
  return [0x02, bytes.length, ...bytes];
}

function derLength(length: number): number[] {
  return length < 0x80 ? [length] : [0x81, length];
}

/**
 * DER to raw `r || s`, each `size` bytes. Accepts the one DER encoding only.
 *
 * @throws WarderError `verification-failed`: it is a signature that cannot hold.
 */
export function parseDerSignature(der: Uint8Array, size: number): Uint8Array<ArrayBuffer> {
  const raw = new Uint8Array(size * 2);
  let at = der[1] === 0x81 ? 3 : 2;
  for (const end of [size, size * 2]) {
    const length = der[at + 1] ?? 0;
    let magnitude = der.subarray(at + 2, at + 2 + length);
    at += 2 + length;
    if (magnitude[0] === 0) magnitude = magnitude.subarray(1);
    if (magnitude.length > size) fail();
    raw.set(magnitude, end - magnitude.length);
  }
  // Whatever was skipped or spelled otherwise shows when it is written again.
  const again = formatDerSignature(raw);
  if (again.length !== der.length || again.some((byte, index) => byte !== der[index])) fail();
  return raw;
}

function fail(): never {
  throw new WarderError('verification-failed', 'an ECDSA signature is not in DER');
}
