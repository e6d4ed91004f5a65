// Leases of a home whose daemon lives in this process: issued the way the gate does, and taken as a call finds them.

import { randomBytes } from 'node:crypto';
import type { Runtime } from '../../src/front/daemon/compose.ts';
import { type LeaseTerms, prepareLease, signLease } from '../../src/trust/lease/issue-lease.ts';
import type { CheckedLease } from '../../src/trust/lease/lease.ts';
import { verifyLease } from '../../src/trust/lease/verify-lease.ts';
import type { Signer } from '../../src/trust/signer/signer.ts';

/** Issues a lease for anybody who has it, by its row and its signature. */
export async function issueLease(
  { keys, gate, config, administration }: Runtime,
  terms: Partial<LeaseTerms> = {},
  signer: Signer = keys.signing,
): Promise<string> {
  const whole: LeaseTerms = {
    origin: config.log.origin,
    principal: 'agent:default',
    tenant: 'default',
    capabilities: [{ type: 'fs.read', paths: ['/data/**'] }],
    ttlSeconds: 300,
    ...terms,
  };
  const prepared = prepareLease(whole, signer.key, gate.now(), randomBytes(16));
  const { claims, digest, stateKey } = prepared;
  const receipt = await administration.leaseEvent((tx) => {
    gate.leases.record(tx, prepared, 'default');
    return { outcome: 'issued', agent: 'default', stateKey, claims, digest };
  });
  return signLease(prepared, signer, receipt);
}

/** The lease as a call finds it. @throws WarderError when it does not count. */
export async function takeLease(runtime: Runtime, text: string): Promise<CheckedLease> {
  const now = runtime.gate.now();
  const audience = runtime.config.log.origin;
  const verified = await verifyLease(text, runtime.keys.trusted, { now, audience });
  return runtime.gate.leases.check(verified, { bearer: true }, now);
}
