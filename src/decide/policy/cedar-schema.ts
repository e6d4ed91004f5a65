// The Cedar schema of what is installed: one action per tool, with its arguments typed. Policies are
// validated against it; `docs/policy.md` shows it to operators.

import type {
  ActionType,
  SchemaJson,
  Type,
  TypeOfAttribute,
} from '@cedar-policy/cedar-wasm/nodejs';
import type { ToolDefinition } from '../../catalog/installation.ts';
import {
  argumentMapping,
  type ArgumentType,
  type MemberMapping,
  type RecordMapping,
} from './argument-mapping.ts';

const STRING: Type<string> = { type: 'String' };
const LONG: Type<string> = { type: 'Long' };
const BOOL: Type<string> = { type: 'Boolean' };

/** The Cedar id of asking for a lease. */
export const LEASE_ACTION = 'lease';

/** The Cedar id of the action of a tool. */
export function actionId(tool: string): string {
  return `call:${tool}`;
}

/**
 * The schema for these tools. Two tenants may have tools of one name: what their arguments do not
 * share is left out, so that a policy that validates holds for both.
 */
export function cedarSchema(tools: readonly ToolDefinition[]): SchemaJson<string> {
  const byName = new Map<string, RecordMapping>();
  for (const { name, inputSchema } of tools) {
    const { root } = argumentMapping(inputSchema);
    const other = byName.get(name);
    byName.set(name, other === undefined ? root : shared(other, root));
  }
  const noArguments: RecordMapping = { kind: 'record', members: new Map() };
  const appliesTo = (args: RecordMapping): ActionType<string>['appliesTo'] & object => ({
    principalTypes: ['Principal'],
    resourceTypes: ['Tool'],
    context: contextType(args),
  });
  const actions: Record<string, ActionType<string>> = {
    call: {},
    // No tool is an administrative action; named so that a policy can forbid them all the same.
    admin: { appliesTo: appliesTo(noArguments) },
    [LEASE_ACTION]: {
      appliesTo: {
        principalTypes: ['Principal'],
        resourceTypes: ['Agent'],
        context: LEASE_CONTEXT,
      },
    },
  };
  // Without a tool no call would apply to anything, and every policy would be "impossible".
  if (byName.size === 0) byName.set('', noArguments);
  for (const [name, root] of byName) {
    actions[actionId(name)] = {
      memberOf: [{ id: 'call' }],
      appliesTo: appliesTo(root),
    };
  }
  return {
    '': {
      entityTypes: {
        Tenant: {},
        Agent: {},
        Category: {},
        Installation: { memberOfTypes: ['Category'] },
        Lease: { memberOfTypes: ['Lease'], shape: LEASE },
        Principal: { memberOfTypes: ['Tenant', 'Agent'] },
        Tool: {
          memberOfTypes: ['Installation', 'Category'],
          shape: record({ name: STRING, installation: STRING, digest: STRING, readOnly: BOOL }),
        },
      },
      actions,
    },
  };
}

/** See `lease-entity.ts`. */
const LEASE = record({
  id: STRING,
  holder: STRING,
  depth: LONG,
  secondsLeft: LONG,
  delegatable: BOOL,
  task: { ...STRING, required: false },
  maxUses: { ...LONG, required: false },
  usesLeft: { ...LONG, required: false },
});
const TIME = record({ unix: LONG, hour: LONG, weekday: LONG });
/** See `circumstances.ts`. */
const CIRCUMSTANCES = {
  trust: record({ known: BOOL, level: LONG, capabilities: { type: 'Set', element: STRING } }),
  risk: record({ signals: { type: 'Set', element: STRING } }),
  budget: record({ left: LONG }),
} as const;

/** See `../rules/conditions.ts`. */
const CONDITIONS = {
  within: { type: 'Set', element: STRING },
  windows: { type: 'Set', element: STRING },
  named: { type: 'Set', element: STRING },
} as const;

/** What a request for a lease looks like; see `lease-question.ts`. */
const LEASE_CONTEXT = record({
  task: STRING,
  reason: STRING,
  seconds: LONG,
  depth: LONG,
  kinds: { type: 'Set', element: STRING },
  tools: { type: 'Set', element: STRING },
  capabilitiesJson: STRING,
  free: BOOL,
  approved: BOOL,
  operator: BOOL,
  time: TIME,
  trust: CIRCUMSTANCES.trust,
  ...CONDITIONS,
});

function contextType(args: RecordMapping): Type<string> {
  return record({
    args: typeOf(args),
    argsJson: STRING,
    argsUnmapped: { type: 'Set', element: STRING },
    approved: BOOL,
    operator: BOOL,
    reach: record({ net: BOOL, read: BOOL, write: BOOL, kv: BOOL, secrets: BOOL }),
    lease: { type: 'Entity', name: 'Lease' },
    time: TIME,
    ...CIRCUMSTANCES,
    ...CONDITIONS,
    cost: { ...record({ currency: STRING, amount: LONG }), required: false },
    task: { ...STRING, required: false },
  });
}

function record(attributes: Record<string, TypeOfAttribute<string>>): Type<string> {
  return { type: 'Record', attributes };
}

function typeOf(type: ArgumentType): Type<string> {
  switch (type.kind) {
    case 'string':
      return STRING;
    case 'integer':
      return LONG;
    case 'boolean':
      return BOOL;
    case 'set':
      return { type: 'Set', element: typeOf({ kind: type.element }) };
    case 'record': {
      const attributes = Object.create(null) as Record<string, TypeOfAttribute<string>>;
      for (const [name, member] of type.members) {
        attributes[name] = { ...typeOf(member.type), required: member.required };
      }
      return record(attributes);
    }
  }
}

/** The members two records have alike. */
function shared(one: RecordMapping, other: RecordMapping): RecordMapping {
  const members = new Map<string, MemberMapping>();
  for (const [name, member] of one.members) {
    const twin = other.members.get(name);
    if (twin === undefined) continue;
    const type = sharedType(member.type, twin.type);
    if (type !== undefined) members.set(name, { type, required: member.required && twin.required });
  }
  return { kind: 'record', members };
}

function sharedType(one: ArgumentType, other: ArgumentType): ArgumentType | undefined {
  if (one.kind === 'record' && other.kind === 'record') return shared(one, other);
  if (one.kind === 'set' && other.kind === 'set') {
    return one.element === other.element ? one : undefined;
  }
  return one.kind === other.kind ? one : undefined;
}
