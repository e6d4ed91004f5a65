// A gate whose agents may ask for more than they have, and what they ask for.

import { generateKeyPairSync } from 'node:crypto';
import type { JsonObject } from '../../src/base/encoding/json.ts';
import type { ToolDefinition } from '../../src/catalog/installation.ts';
import type { LeaseCeiling } from '../../src/trust/lease/lease-request.ts';
import { type FakeConnection, type FakeGate, type GateOptions, openGate } from '../fakes/gate.ts';
import { ECHO, toolWith } from './decision.ts';

export const WRITE: ToolDefinition = toolWith(ECHO.inputSchema, 'text_write');

/** Free: `text_echo` for ten minutes. With a person: every `text_*` and `/data`, for an hour. */
export const CEILING: LeaseCeiling = {
  free: { capabilities: [{ type: 'tool.call', tools: ['text_echo'] }], ttlSeconds: 600 },
  most: {
    capabilities: [
      { type: 'tool.call', tools: ['text_*'] },
      { type: 'fs.read', paths: ['/data/**'] },
      { type: 'lease.refresh' },
    ],
    ttlSeconds: 3600,
  },
};

export const calls = (...tools: readonly string[]): JsonObject => ({ type: 'tool.call', tools });

/** A request within what is free. */
export const FREE: JsonObject = {
  task: 'task-1',
  capabilities: [calls('text_echo')],
  ttl_seconds: 300,
  reason: 'to say it back',
};

/** A request about which a person is asked. */
export const ASKING: JsonObject = {
  task: 'task-2',
  capabilities: [calls('text_write')],
  ttl_seconds: 900,
  reason: 'to write it down',
};

/** The public key of somebody. */
export function publicKey(): JsonObject {
  const { publicKey: key } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  // Exactly `kty`, `crv`, `x` and `y`.
  return key.export({ format: 'jwk' }) as JsonObject;
}

export interface Desk {
  readonly gate: FakeGate;
  readonly alice: FakeConnection;
}

/** A gate with `text_echo` and `text_write`, and a connection of `alice`, who has the former. */
export async function openDesk(options: GateOptions = {}): Promise<Desk> {
  const gate = await openGate({ ceiling: CEILING, tools: [ECHO, WRITE], ...options });
  return { gate, alice: connectAs(gate) };
}

export function connectAs(gate: FakeGate, principal = 'alice', tenant = 'default'): FakeConnection {
  const { capabilities, ttlSeconds } = CEILING.free;
  return gate.connect({ principal, tenant, capabilities, ttlSeconds });
}

/** Leaves about leases, oldest first: outcome and task of each. */
export function leaseLeaves(gate: FakeGate): readonly (readonly [string, string | undefined])[] {
  return [...gate.reader.export({ type: 'lease' })].map(({ outcome, task }) => [outcome, task]);
}
