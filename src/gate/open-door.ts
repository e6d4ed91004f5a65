// The agent's door to the gate: calls, previews, and the list of tools its lease covers.

import { asWarderError } from '../base/errors/errors.ts';
import { ulid } from '../base/encoding/ulid.ts';
import { checkArguments } from '../catalog/schemas.ts';
import { parseToolCall } from '../decide/request/parse-tool-call.ts';
import type { ToolDefinition } from '../catalog/installation.ts';
import { decideCall } from './decide-call.ts';
import { type AgentDoor, type Caller, type CallRequest, type Preview, toProve } from './door.ts';
import { governedCall } from './gate.ts';
import type { GateParts } from './parts.ts';
import type { Turnstile } from './turnstile.ts';

/** A door, and the way to say that the tools changed. */
export interface OpenDoor extends AgentDoor {
  toolsChanged(): void;
}

export function openDoor(gate: GateParts, turnstile: Turnstile): OpenDoor {
  const listeners = new Set<() => void>();
  const toolsChanged = (): void => {
    for (const listener of listeners) listener();
  };
  return {
    call: async (caller, request) => {
      const answer = await governedCall(gate, turnstile, caller, request);
      if (answer.quarantined === true) toolsChanged();
      return answer;
    },
    preview: (caller, request) => preview(gate, caller, request),
    tools: (caller) => visibleTools(gate, caller),
    digestOf: (caller, tool) =>
      gate.catalog
        .tools(caller.tenant)
        .find(({ definition: { name } }) => name === tool && caller.covers(name))?.installation
        .digest,
    onToolsChanged: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    toolsChanged,
  };
}

/** What a call would come to: nothing is run, spent or written, beyond the lease of the connection. */
async function preview(gate: GateParts, caller: Caller, request: CallRequest): Promise<Preview> {
  try {
    const now = gate.now();
    const id = `call_${ulid(now, gate.random(10))}`;
    const call = parseToolCall(request.tool, request.arguments, gate.limits);
    const found = gate.catalog.find(caller.tenant, call.tool);
    checkArguments(found.definition, call.arguments);
    const lease = await caller.lease(now, toProve(call, found));
    const decided = decideCall(gate, { id, now, caller, request, call, found, lease });
    switch (decided.kind) {
      case 'permit':
        return { verdict: 'auto_approve', rules: decided.rules };
      case 'approval-required':
        return { verdict: 'route_to_approver', reason: decided.reason, rules: decided.rules };
      case 'refused':
        return { verdict: 'hard_deny', error: decided.error };
    }
  } catch (thrown) {
    return { verdict: 'hard_deny', error: asWarderError(thrown) };
  }
}

function visibleTools(gate: GateParts, caller: Caller): readonly ToolDefinition[] {
  return gate.catalog
    .tools(caller.tenant)
    .filter(({ definition }) => caller.covers(definition.name))
    .map(({ definition }) => definition)
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}
