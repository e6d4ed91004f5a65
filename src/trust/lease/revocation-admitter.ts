// What the signer asks before it signs a revocation list: that it is one of this daemon, and a later one.

import { decodeBase64url, encodeBase64url } from '../../base/encoding/base64url.ts';
import { canonicalBytes } from '../../base/encoding/jcs.ts';
import { parseJson } from '../../base/encoding/parse-json.ts';
import { decodeUtf8 } from '../../base/encoding/utf8.ts';
import { WarderError } from '../../base/errors/errors.ts';
import type { TenantId } from '../../base/store/store.ts';
import type { Admitter } from '../signer/signer.ts';
import { DEFAULT_TENANT } from './lease-table.ts';
import { LIST_TYPE, parseRevocationClaims, type Revocations } from './revocation-list.ts';

/** What the signer remembers: the last `seq` it let be signed, per tenant. */
export interface ListMemory {
  /** 0 when there was none. */
  last(tenant: TenantId): number;
  /** Durable when it resolves. */
  remember(tenant: TenantId, seq: number): Promise<void>;
}

/** Furthest that a number skips: after the largest number there could be no later list. */
const SKIP_MAX = 1_000_000;

/** Admits lists of one daemon, each later than any before it, with a bounded life. */
export function revocationAdmitter(origin: string, memory: ListMemory): Admitter {
  let queue: Promise<void> = Promise.resolve();
  const admit = async (payload: Uint8Array, kid: string, alg: string): Promise<void> => {
    const { seq, tenant = DEFAULT_TENANT } = readList(payload, origin, kid, alg);
    const signedSeq = memory.last(tenant);
    if (seq <= signedSeq) {
      throw new WarderError('not-trusted', `the signer signed list ${signedSeq} already`, {
        hint: 'a list is numbered higher than any before it',
        data: { signedSeq },
      });
    }
    if (seq > signedSeq + SKIP_MAX) {
      throw new WarderError(
        'not-trusted',
        `the signer signed list ${signedSeq}: ${seq} is too far`,
        {
          hint: 'lists are numbered one after the other',
          data: { signedSeq },
        },
      );
    }
    // First remembered, then signed: a crash in between costs a number.
    await memory.remember(tenant, seq);
  };
  return {
    kind: 'revocations',
    admit({ payload }, { kid, alg }) {
      const turn = queue.then(() => admit(payload, kid, alg));
      queue = turn.catch(() => undefined);
      return turn;
    },
  };
}

function readList(payload: Uint8Array, origin: string, kid: string, alg: string): Revocations {
  let cause: unknown;
  try {
    const [header = '', body = '', ...more] = decodeUtf8(payload).split('.');
    const list = parseRevocationClaims(parseJson(decodeBase64url(body), { maxDepth: 3 }));
    const fits =
      more.length === 0 &&
      header === encodeBase64url(canonicalBytes({ alg, kid, typ: LIST_TYPE })) &&
      list.iss === origin;
    if (fits) return list;
  } catch (thrown) {
    cause = thrown;
  }
  throw new WarderError('not-trusted', 'the signer refuses this revocation list', {
    cause,
    hint: 'it must be of this daemon, for this key, and hold for at most a day',
  });
}
