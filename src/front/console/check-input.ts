// Narrows the body of a request to the input its operation takes; every bad member is named.

import { WarderError } from '../../base/errors/errors.ts';
import type { Operations, Streams } from './operations.ts';

/** What a member may be; a `?` at the end means that it may be left out. */
type Member =
  | 'text'
  | 'text?'
  | 'tenant'
  | 'tenant?'
  | 'texts'
  | 'texts?'
  | 'boolean?'
  | 'count'
  | 'count?'
  | 'files'
  | readonly string[];
type Members = Readonly<Record<string, Member>>;

const NOTHING: Members = {};
const ID: Members = { id: 'text' };
const NAME: Members = { name: 'text' };
const TENANT: Members = { tenant: 'tenant?' };
const OF_TENANT: Members = { ...NAME, ...TENANT };
const FILES: Members = { files: 'files' };
const FILTER: Members = {
  tenant: 'tenant?',
  type: 'text?',
  tool: 'text?',
  outcome: 'text?',
  principal: 'text?',
  lease: 'text?',
  task: 'text?',
  approval: 'text?',
  since: 'count?',
  until: 'count?',
  last: 'count?',
  after: 'count?',
};
const RECEIPT: Members = { ...ID, ...TENANT };

const INPUTS: { readonly [Name in keyof Operations | keyof Streams]: Members } = {
  status: NOTHING,
  stop: NOTHING,
  doctor: NOTHING,
  call: {
    tool: 'text',
    arguments: 'text',
    as: 'text',
    approval: 'text?',
    dryRun: 'boolean?',
    waitProof: 'count?',
  },
  'tool.add': { ...OF_TENANT, wasmBase64: 'text', flags: 'texts' },
  'tool.list': TENANT,
  'tool.show': OF_TENANT,
  'tool.grant': { ...OF_TENANT, change: ['add', 'remove', 'reset'], flags: 'texts' },
  'tool.enable': OF_TENANT,
  'tool.disable': OF_TENANT,
  'tool.remove': OF_TENANT,
  'secret.set': { ...OF_TENANT, valueBase64: 'text' },
  'secret.rotate': { ...OF_TENANT, valueBase64: 'text' },
  'secret.list': TENANT,
  'secret.remove': OF_TENANT,
  'lease.describe': { agent: 'text' },
  'lease.list': NOTHING,
  'lease.show': ID,
  'lease.revoke': {
    id: 'text?',
    subject: 'text?',
    holder: 'text?',
    all: 'boolean?',
    tenant: 'tenant?',
    reason: 'text',
  },
  'lease.revocations': { tenant: 'tenant' },
  'approvals.list': { state: 'text?' },
  'approvals.show': ID,
  'approvals.approve': {
    id: 'text',
    capabilities: 'text?',
    without: 'texts?',
    limits: 'texts?',
    within: 'count?',
    ttl: 'count?',
  },
  'approvals.deny': { id: 'text', reason: 'text?' },
  'approvals.watch': NOTHING,
  'policy.show': NOTHING,
  'policy.check': FILES,
  'policy.set': FILES,
  'policy.test': { files: 'files', cases: 'text' },
  'budget.list': { tenant: 'tenant?' },
  'budget.set': { budget: 'text', tenant: 'tenant?' },
  'budget.remove': { name: 'text', tenant: 'tenant?' },
  'trust.list': { tenant: 'tenant?' },
  'trust.show': { principal: 'text', tenant: 'tenant?' },
  'trust.set': {
    principal: 'text',
    level: 'count',
    capabilities: 'texts',
    expires: 'text?',
    note: 'text?',
    tenant: 'tenant?',
  },
  'trust.remove': { principal: 'text', tenant: 'tenant?' },
  'policy.rule': { rule: 'text' },
  'policy.explain': { tool: 'text', arguments: 'text', as: 'text' },
  'receipts.list': FILTER,
  'receipts.show': RECEIPT,
  'receipts.proof': RECEIPT,
  'receipts.statement': RECEIPT,
  'receipts.disclose': { ...RECEIPT, fields: 'texts?', to: 'text?' },
  'receipts.erase': { ...FILTER, id: 'text?', fields: 'texts?', reason: 'text' },
  'receipts.report': FILTER,
  'receipts.checkpoint': NOTHING,
  'receipts.audit': NOTHING,
  'receipts.follow': FILTER,
  'receipts.export': FILTER,
  'keys.list': NOTHING,
  'keys.jwks': NOTHING,
  'keys.attest': { name: 'text', nonce: 'text?', challenge: 'text?' },
  'keys.create': { uri: 'text' },
  'keys.rotate': { key: 'text?', graceSeconds: 'count?', compromised: 'boolean?', log: 'boolean?' },
};

/**
 * The input of the operation `name`.
 *
 * @throws WarderError `usage` that names every member that is missing, unknown or of another kind.
 */
export function checkInput(name: keyof Operations | keyof Streams, body: unknown): never {
  const members = INPUTS[name];
  const problems =
    typeof body === 'object' && body !== null && !Array.isArray(body)
      ? [...faults(members, body as Readonly<Record<string, unknown>>)]
      : ['the body is not a JSON object'];
  if (problems.length === 0) return body as never;
  throw new WarderError('usage', `\`${name}\` does not take that: ${problems.join('; ')}`, {
    hint: `its members are ${Object.keys(members).join(', ') || 'none: send {}'}`,
    data: { problems },
  });
}

function* faults(
  members: Members,
  body: Readonly<Record<string, unknown>>,
): Generator<string, void> {
  for (const [member, kind] of Object.entries(members)) {
    const value = Object.hasOwn(body, member) ? body[member] : undefined;
    if (!fits(kind, value)) yield `\`${member}\` is not ${KINDS[String(kind)] ?? 'one of those'}`;
  }
  for (const member of Object.keys(body)) {
    if (!Object.hasOwn(members, member)) yield `unknown member \`${member.slice(0, 64)}\``;
  }
}

function fits(kind: Member, value: unknown): boolean {
  if (typeof kind !== 'string') return kind.some((one) => one === value);
  if (kind.endsWith('?') && value === undefined) return true;
  switch (kind) {
    case 'text':
    case 'text?':
      return typeof value === 'string' && value.isWellFormed();
    case 'tenant':
    case 'tenant?':
      return typeof value === 'string' && TENANT_NAME.test(value);
    case 'boolean?':
      return typeof value === 'boolean';
    case 'count':
    case 'count?':
      return Number.isSafeInteger(value) && (value as number) >= 0;
    case 'texts':
    case 'texts?':
      return Array.isArray(value) && value.every((one) => fits('text', one));
    case 'files':
      return Array.isArray(value) && value.every(isFile);
  }
}

const TENANT_NAME = /^[a-z0-9-]{1,32}$/;

function isFile(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const { name, text, ...more } = value as Readonly<Record<string, unknown>>;
  return fits('text', name) && fits('text', text) && Object.keys(more).length === 0;
}

const KINDS: Readonly<Record<string, string>> = {
  text: 'a text',
  'text?': 'a text',
  tenant: 'the name of a tenant, 1 to 32 of `a-z0-9-`',
  'tenant?': 'the name of a tenant, 1 to 32 of `a-z0-9-`',
  texts: 'a list of texts',
  'texts?': 'a list of texts',
  'boolean?': 'true or false',
  count: 'a whole number',
  'count?': 'a whole number',
  files: 'a list of `{name, text}`',
};
