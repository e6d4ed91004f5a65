// Operations on keys: what there is, what verifiers are given, a new one, another in the place of the current.

import { WarderError } from '../../../base/errors/errors.ts';
import { keyMadeEvent } from '../../../gate/key-events.ts';
import { keyState, logRolesOf, rolesOf } from '../../../trust/keyring/key-document.ts';
import { custodyWorth } from '../../../trust/attest/custody-worth.ts';
import type { OpenedSigner } from '../../../trust/signer/checked-signer.ts';
import { createKey } from '../../../trust/signer/open-signer.ts';
import { formatVkey } from '../../../trust/verify/note-key.ts';
import type { KeyProof, KeySummary } from '../../console/key-summary.ts';
import type { OperationHandlers } from '../../console/operations.ts';
import type { Runtime } from '../compose.ts';
import { keyAccess } from '../key-access.ts';
import { rotateKey } from '../rotate-key.ts';
import { rotateLogKey } from '../rotate-log-key.ts';

type KeyOperations = Pick<
  OperationHandlers,
  'keys.list' | 'keys.jwks' | 'keys.create' | 'keys.rotate'
>;

export function keyOperations(runtime: Runtime): KeyOperations {
  const { keys, gate, home, config, administration } = runtime;
  return {
    'keys.list': () => Promise.resolve({ keys: keySummaries(runtime) }),
    'keys.jwks': () => Promise.resolve(keys.document(gate.now())),
    'keys.create': async ({ uri }) => {
      const jwk = await createKey(uri, keyAccess(home, config));
      await administration.record(() => [undefined, keyMadeEvent(jwk)]);
      return { jwk };
    },
    'keys.rotate': async ({ log, ...request }) => {
      const { graceUntil, ...rotated } =
        log === true ? await rotateLogKey(runtime, request) : await rotateKey(runtime, request);
      return { ...rotated, graceUntil: new Date(graceUntil * 1000).toISOString() };
    },
  };
}

/** The signing key first, then those before it, newest first, then the log key. */
function keySummaries({ config, keys, gate }: Runtime): readonly KeySummary[] {
  const now = gate.now();
  const signing = keys.history.toReversed().map((row): KeySummary => {
    const { jwk, uri, since, heads, retired } = row;
    const state = keyState(row, now);
    return {
      name: state === 'current' ? 'signing' : 'former',
      state,
      uri,
      jwk,
      vkey: vkeyOf(keys, jwk.kid),
      roles: rolesOf(row, now),
      custody: state === 'current' ? keys.signing.custody.summary : 'not opened any more',
      heads,
      since: new Date(since).toISOString(),
      ...(retired === undefined
        ? {}
        : { graceUntil: new Date(retired.until * 1000).toISOString() }),
      ...(state === 'current' ? proofOf(keys.signing, config) : {}),
    };
  });
  const { log } = keys;
  const logs = keys.logHistory.toReversed().map((row): KeySummary => {
    const { jwk, heads, uri, since } = row;
    const state = keyState(row, now);
    const current = state === 'current';
    return {
      name: current ? 'log' : 'former',
      state,
      uri: uri === '' ? config.logKey.uri : uri,
      jwk,
      vkey: vkeyOf(keys, jwk.kid),
      roles: current ? log.roles : logRolesOf(row),
      custody: current ? log.custody.summary : 'not opened any more',
      heads,
      ...(since === 0 ? {} : { since: new Date(since).toISOString() }),
      ...(current ? proofOf(log, config) : {}),
    };
  });
  return [...signing, ...logs];
}

/** Nothing of a key that was not opened yet: its device has said nothing of it. */
function proofOf(
  { custody, attestor, awaited }: OpenedSigner,
  { assurance }: Runtime['config'],
): { readonly proof?: KeyProof } {
  if (awaited === true) return {};
  const { backend, claims = {} } = custody;
  const worth = custodyWorth(custody, attestor !== undefined, assurance);
  return { proof: { backend, assurance, claims, ...worth } };
}

function vkeyOf({ trusted, origin }: Runtime['keys'], kid: string): string {
  const key = trusted.find((each) => each.kid === kid);
  if (key === undefined) throw new WarderError('internal', 'a key of this home is not published');
  return formatVkey({ name: origin, raw: key.raw });
}
