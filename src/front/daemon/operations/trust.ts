// Operations on the local trust table.

import { WarderError } from '../../../base/errors/errors.ts';
import { parseDuration } from '../../../catalog/measures.ts';
import { showText } from '../../../catalog/names.ts';
import { hasEnded, listTrust, showTrust } from '../../../decide/trust/local-trust.ts';
import { parseTrustEntry, type TrustEntry } from '../../../decide/trust/trust-entry.ts';
import { vouch, withdrawTrust } from '../../../gate/vouch.ts';
import type { OperationHandlers } from '../../console/operations.ts';
import type { TrustSummary } from '../../console/trust-summary.ts';
import type { Runtime } from '../compose.ts';
import { OPERATOR_TENANT } from './tools.ts';

type TrustOperations = Pick<
  OperationHandlers,
  'trust.list' | 'trust.show' | 'trust.set' | 'trust.remove'
>;

export function trustOperations({ administration, gate, store }: Runtime): TrustOperations {
  return {
    'trust.list': ({ tenant = OPERATOR_TENANT }) => {
      const now = gate.now();
      const entries = store.read((reader) => listTrust(reader, tenant));
      return Promise.resolve({ entries: entries.map((entry) => trustSummary(entry, tenant, now)) });
    },
    'trust.show': ({ principal, tenant = OPERATOR_TENANT }) => {
      const entry = store.read((reader) => showTrust(reader, tenant, principal));
      return Promise.resolve(trustSummary(entry, tenant, gate.now()));
    },
    'trust.set': async ({ tenant = OPERATOR_TENANT, expires, note, ...rest }) => {
      const now = gate.now();
      const entry = parseTrustEntry(
        {
          ...rest,
          ...(expires === undefined ? {} : { expiresAt: endOf(expires, now) }),
          ...(note === undefined ? {} : { note }),
        },
        now,
      );
      await vouch(administration, tenant, entry);
      return trustSummary(entry, tenant, now);
    },
    'trust.remove': async ({ principal, tenant = OPERATOR_TENANT }) => {
      const removed = await withdrawTrust(administration, tenant, principal);
      return trustSummary(removed, tenant, gate.now());
    },
  };
}

/** A day, which begins in UTC, or a time with its zone. */
const ISO = /^\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,3})?)?(?:Z|[+-]\d{2}:\d{2}))?$/;

/** Wall milliseconds of a time, or of now and a duration. */
function endOf(text: string, now: number): number {
  const duration = parseDuration(text);
  const end = duration === undefined ? (ISO.test(text) ? Date.parse(text) : NaN) : now + duration;
  if (Number.isSafeInteger(end)) return end;
  throw new WarderError('usage', `\`${showText(text, 40)}\` is no end`, {
    hint: 'a duration like `12h`, or a time like 2026-01-31 or 2026-01-31T23:00:00Z',
  });
}

function trustSummary(entry: TrustEntry, tenant: string, now: number): TrustSummary {
  const { principal, level, capabilities, expiresAt, note } = entry;
  return {
    principal,
    tenant,
    level,
    capabilities,
    state: hasEnded(entry, now) ? 'ended' : 'in force',
    ...(expiresAt === undefined ? {} : { expires: new Date(expiresAt).toISOString() }),
    ...(note === undefined ? {} : { note }),
  };
}
