// A lease together with those it was made from: tokens from the root to the leaf, `~` between.

import { WarderError } from '../../base/errors/errors.ts';
import { DEPTH_MAX } from './claims.ts';
import { type ParsedLease, parseLease, TOKEN_MAX } from './token.ts';

const BETWEEN = '~';
/** A root and its descendants. */
const LINKS_MAX = DEPTH_MAX + 1;
/** Longest chain, characters. */
export const CHAIN_MAX: number = TOKEN_MAX * 2;

/**
 * Reads a chain, or a root alone. Nothing in it is trusted yet.
 *
 * @throws WarderError `malformed`.
 */
export function parseChain(text: string): readonly [ParsedLease, ...ParsedLease[]] {
  if (typeof text !== 'string' || text.length > CHAIN_MAX) {
    refuse(`it is no text of at most ${CHAIN_MAX} characters`);
  }
  // One more than there may be: what follows is not looked at.
  const [root = '', ...rest] = text.split(BETWEEN, LINKS_MAX + 1);
  if (rest.length >= LINKS_MAX) refuse(`it has more than ${LINKS_MAX} leases`);
  return [parseLease(root), ...rest.map(parseLease)];
}

/** The text of a lease made from the last one of a chain. */
export function joinChain(parent: string, token: string): string {
  return `${parent}${BETWEEN}${token}`;
}

function refuse(why: string): never {
  throw new WarderError('malformed', `not a chain of leases: ${why}`, {
    hint: 'give the text exactly as it was issued',
  });
}
