// A gate's door without a gate: it answers what the test says and remembers what it was asked.

import type { AgentDoor, CallAnswer, Caller, CallRequest, Preview } from '../../src/gate/door.ts';
import type { Connection } from '../../src/front/mcp/connection.ts';
import type { ToolDefinition } from '../../src/catalog/installation.ts';
import type { Provenance } from '../../src/gate/firewall/provenance.ts';
import type { ReceiptRef } from '../../src/trust/receipt/receipt-log.ts';
import type { LeaseDoor } from '../../src/gate/leases/lease-door.ts';
import { ECHO } from '../support/decision.ts';
import type { ReceiptDoor } from '../../src/gate/receipt-door.ts';
import { noLeases } from './lease-door.ts';
import { noReceipts } from './receipt-door.ts';

export const RECEIPT: ReceiptRef = { id: 'call_1', index: 7, leafHash: 'ab'.repeat(32) };

export const PROVENANCE: Provenance = {
  tool: 'text_echo',
  digest: 'cd'.repeat(32),
  receipt: RECEIPT.id,
  untrusted: true,
};

export function answered(text: string): CallAnswer {
  return {
    kind: 'answered',
    answer: { content: [{ type: 'text', text }], isError: false },
    receipt: RECEIPT,
    provenance: PROVENANCE,
  };
}

/** A call that runs until it is withdrawn. */
export function untilWithdrawn({ signal }: CallRequest): Promise<CallAnswer> {
  return new Promise((resolve) => {
    signal?.addEventListener('abort', () => resolve(answered('withdrawn')), { once: true });
  });
}

export class FakeDoor implements AgentDoor {
  leases: LeaseDoor = noLeases;
  receipts: ReceiptDoor = noReceipts;
  readonly asked: CallRequest[] = [];
  readonly withdrawn: CallRequest[] = [];
  readonly listeners: Set<() => void> = new Set();
  definitions: readonly ToolDefinition[] = [ECHO];
  behaviour: (request: CallRequest) => Promise<CallAnswer> = () => Promise.resolve(answered('hi'));
  verdict: Preview = { verdict: 'auto_approve', rules: ['rule_1'] };

  call(_: Caller, request: CallRequest): Promise<CallAnswer> {
    this.asked.push(request);
    request.signal?.addEventListener('abort', () => this.withdrawn.push(request), { once: true });
    return this.behaviour(request);
  }

  preview(_: Caller, request: CallRequest): Promise<Preview> {
    this.asked.push(request);
    return Promise.resolve(this.verdict);
  }

  tools(caller: Caller): readonly ToolDefinition[] {
    return this.definitions.filter(({ name }) => caller.covers(name));
  }

  digestOf(caller: Caller, tool: string): string | undefined {
    return this.tools(caller).some(({ name }) => name === tool) ? 'cd'.repeat(32) : undefined;
  }

  onToolsChanged(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }
}

/** A connection that is one caller, whatever it sends along. */
export function connectionOf(caller: Caller, close: () => void = () => {}): Connection {
  return {
    bind: () => {},
    caller: () => Promise.resolve(caller),
    viewer: () => Promise.resolve({ caller }),
    reader: () => Promise.resolve(caller),
    challenge: () => ({ nonce: 'n', aud: 'a', htm: 'POST', htu: 'warder://agent/default' }),
    onLeasesChanged: () => () => {},
    close,
  };
}

export const CALLER: Caller = {
  tenant: 'default',
  principal: 'alice',
  agent: 'default',
  operator: false,
  lease: () => Promise.reject(new TypeError('no lease in this test')),
  covers: () => true,
};
