// The agent's door to the gate: calls, previews, and the list of tools its lease covers.

import type { Grant, ToolDefinition } from '../catalog/installation.ts';
import type { AgentDoor, Caller } from './door.ts';
import { explainCall } from './explain.ts';
import { governedCall } from './gate.ts';
import type { LeaseDoor } from './leases/lease-door.ts';
import type { GateParts } from './parts.ts';
import type { ReceiptDoor } from './receipt-door.ts';
import type { Turnstile } from './turnstile.ts';

/** A door, and the way to say that the tools changed. */
export interface OpenDoor extends AgentDoor {
  toolsChanged(): void;
}

/**
 * @param leases where agents ask for leases.
 * @param receipts where they get receipts of their own calls.
 */
export function openDoor(
  gate: GateParts,
  turnstile: Turnstile,
  leases: LeaseDoor,
  receipts: ReceiptDoor,
): OpenDoor {
  const listeners = new Set<() => void>();
  const toolsChanged = (): void => {
    for (const listener of listeners) listener();
  };
  return {
    leases,
    receipts,
    call: async (caller, request) => {
      const answer = await governedCall(gate, turnstile, caller, request);
      if (answer.quarantined === true) toolsChanged();
      return answer;
    },
    preview: async (caller, request) => (await explainCall(gate, caller, request)).preview,
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

/** Of a tool of whose answers only parts are given, nobody may expect the whole. */
function shownDefinition(definition: ToolDefinition, { outputPaths }: Grant): ToolDefinition {
  if (outputPaths === undefined || definition.outputSchema === undefined) return definition;
  const { outputSchema: _, ...shown } = definition;
  return shown;
}

function visibleTools(gate: GateParts, caller: Caller): readonly ToolDefinition[] {
  return gate.catalog
    .tools(caller.tenant)
    .filter(({ definition }) => caller.covers(definition.name))
    .map(({ definition, installation }) => shownDefinition(definition, installation.grant))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}
