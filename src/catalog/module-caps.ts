// How much of everything one core module may have. Below what V8 takes, so that what is admitted compiles;
// above what compilers make.

import { WarderError } from '../base/errors/errors.ts';

export const CAPS = {
  sections: 1000,
  types: 50_000,
  /** Bytes of all types together. */
  typeBytes: 524_288,
  /** Of one function type. */
  parameters: 256,
  results: 16,
  imports: 1000,
  functions: 200_000,
  /** Bytes of one function's body. */
  body: 1_048_576,
  /** Local variables of one function. Written as a number: a few bytes could say four thousand million. */
  locals: 10_000,
  /** Of all functions together. */
  allLocals: 5_000_000,
  /** The compiler notes every local at every branch: this many notes take it some 400 MiB. */
  branchNotes: 16_000_000,
  tables: 16,
  /** What the tables of a package hold together, at the start and ever: V8 takes some 40 bytes for each. */
  tableElements: 262_144,
  memories: 16,
  globals: 20_000,
  exports: 10_000,
  /** Segments, and the functions they name together. */
  elements: 100_000,
  elementItems: 1_000_000,
  data: 100_000,
  tags: 1000,
  /** Instructions of a constant expression. */
  constant: 256,
  /** Bytes of a name. */
  name: 512,
} as const;

export function tooMany(what: string, limit: number): WarderError {
  return new WarderError('not-admitted', `more than ${String(limit)} ${what}`, {
    hint: 'split the package, or build it with optimisation on',
  });
}
