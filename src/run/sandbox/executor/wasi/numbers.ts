// Numbers a guest hands over.

import { Errno, WasiError } from './errno.ts';

/** A 64 bit offset or size. */
export function fileOffset(value: bigint): number {
  const number = Number(value);
  if (!Number.isSafeInteger(number) || number < 0) throw new WasiError(Errno.inval);
  return number;
}
