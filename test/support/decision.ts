// Ready-made parts of a decision: an installation, a lease, a call, a policy set; each to be varied.

import { emptyGrant } from '../../src/catalog/grant.ts';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import type { JsonObject } from '../../src/base/encoding/json.ts';
import type { Grant, Installation, ToolDefinition } from '../../src/catalog/installation.ts';
import type { DecisionInput } from '../../src/decide/policy/decide.ts';
import { PolicyHolder } from '../../src/decide/policy/policy-holder.ts';
import type { PolicyFile } from '../../src/decide/policy/policy-source.ts';
import {
  starterPolicyDirectory,
  starterPolicyFiles,
} from '../../src/decide/policy/starter-policy.ts';
import { parseToolCall } from '../../src/decide/request/parse-tool-call.ts';
import { makeCheckedLease } from '../../src/trust/lease/checked.ts';
import type { Capability, CheckedLease } from '../../src/trust/lease/lease.ts';

export const NOW = 1_700_000_000_000;

export const PERMIT_ALL = 'permit (principal, action in Action::"call", resource);';

export function starter(): PolicyFile[] {
  const directory = starterPolicyDirectory();
  return starterPolicyFiles.map((name) => ({
    name,
    text: readFileSync(join(directory, name), 'utf8'),
  }));
}

/** A holder with these texts as files. */
export function holderOf(...texts: readonly string[]): Promise<PolicyHolder> {
  return PolicyHolder.open(filesOf(...texts));
}

export function filesOf(...texts: readonly string[]): PolicyFile[] {
  return texts.map((text, at) => ({ name: `${at}.cedar`, text }));
}

export const NOTHING_GRANTED: Grant = emptyGrant;

export const ECHO: ToolDefinition = {
  name: 'text_echo',
  description: 'echoes',
  inputSchema: {
    type: 'object',
    additionalProperties: false,
    properties: {
      text: { type: 'string' },
      count: { type: 'integer' },
      ratio: { type: 'number' },
      tags: { type: 'array', items: { type: 'string' } },
      at: {
        type: 'object',
        additionalProperties: false,
        properties: { path: { type: 'string' } },
        required: ['path'],
      },
    },
  },
};

export function toolWith(inputSchema: JsonObject, name = 'text_echo'): ToolDefinition {
  return { name, description: '', inputSchema };
}

export function installed(
  grant: Partial<Grant> = {},
  tools: readonly ToolDefinition[] = [ECHO],
): Installation {
  return {
    id: 'inst_01',
    name: 'text',
    digest: 'd'.repeat(64),
    size: 1,
    engine: 'extism',
    convention: 'warder',
    tools,
    grant: { ...NOTHING_GRANTED, ...grant },
    enabled: true,
    addedAt: 0,
    imports: [],
  };
}

export const ALL_CAPABILITIES: readonly Capability[] = [
  { type: 'tool.call', tools: ['*'] },
  { type: 'fs.read', paths: ['/**'] },
  { type: 'fs.write', paths: ['/**'] },
  { type: 'http.call', methods: ['*'], origins: ['*'], paths: ['/**'] },
];

export function leaseOf(
  capabilities: readonly Capability[] = ALL_CAPABILITIES,
  change: Partial<CheckedLease['claims']> = {},
  holder: CheckedLease['holder'] = 'connection',
): CheckedLease {
  const claims = {
    iss: 'warder.invalid/log/0',
    sub: 'alice',
    aud: 'warder.invalid/log/0',
    jti: 'j',
    iat: NOW / 1000 - 10,
    nbf: NOW / 1000 - 10,
    exp: NOW / 1000 + 600,
    tenant: 'default',
    cnf: { conn: 'default' },
    authorization_details: capabilities,
    del_depth: 0,
    del_max: 0,
    ...change,
  };
  return makeCheckedLease([{ stateKey: 'a'.repeat(64), digest: 'b'.repeat(64), claims }], holder);
}

/** A decision about `args` for the echo tool; vary the rest. */
export function inputOf(
  args: JsonObject,
  change: Partial<DecisionInput> & { readonly grant?: Partial<Grant> } = {},
): DecisionInput {
  const { grant, ...rest } = change;
  const definition = rest.definition ?? ECHO;
  return {
    call: parseToolCall(definition.name, { parsed: args }),
    definition,
    installation: installed(grant, [definition]),
    lease: leaseOf(),
    principal: 'alice',
    tenant: 'default',
    agent: 'default',
    operator: false,
    now: NOW,
    callId: 'call_01',
    ...rest,
  };
}
