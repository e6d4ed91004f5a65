// Every table and sequence of a home, as the rooms declare them.

import type { AnyTable } from '../../base/store/declared.ts';
import { highTimeTable } from '../../base/store/high-time.ts';
import type { Sequence } from '../../base/store/store.ts';
import { catalogVersionTable, installationTable, toolNameTable } from '../../catalog/catalog.ts';
import { approvalTable } from '../../decide/approval/approval.ts';
import {
  budgetHoldTable,
  budgetTable,
  budgetUseTable,
  budgetVersionTable,
} from '../../decide/limits/budget-book.ts';
import { policyTable } from '../../decide/policy/policy-table.ts';
import { toolUseTable } from '../../decide/risk/tool-use.ts';
import { trustTable } from '../../decide/trust/trust-entry.ts';
import { intentTable } from '../../gate/intent.ts';
import { kvTable } from '../../reach/kv/kv.ts';
import { secretTable, secretUseTable } from '../../reach/vault/vault.ts';
import { signingKeyTable } from '../../trust/keyring/key-history.ts';
import { leaseTable } from '../../trust/lease/lease-book.ts';
import { leaseRequestTable } from '../../trust/lease/lease-request.ts';
import { revocationListTable } from '../../trust/lease/revocation-lists.ts';
import { proofReplayTable } from '../../trust/lease/proof-replay.ts';
import { checkpointTable } from '../../trust/receipt/checkpoint-table.ts';
import { openingTable } from '../../trust/receipt/openings.ts';
import { leafSequence } from '../../trust/receipt/receipt-log.ts';
import { witnessTable } from '../../trust/witness/witness-table.ts';

/** What the store is opened with. */
export const tables: readonly AnyTable[] = [
  installationTable,
  toolNameTable,
  catalogVersionTable,
  leaseTable,
  leaseRequestTable,
  proofReplayTable,
  signingKeyTable,
  revocationListTable,
  approvalTable,
  intentTable,
  openingTable,
  kvTable,
  highTimeTable,
  checkpointTable,
  witnessTable,
  policyTable,
  budgetTable,
  budgetUseTable,
  budgetHoldTable,
  budgetVersionTable,
  trustTable,
  toolUseTable,
  secretTable,
  secretUseTable,
];

export const sequences: readonly Sequence[] = [leafSequence];
