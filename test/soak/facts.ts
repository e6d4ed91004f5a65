// What the receipts of a crashing log say: ordinary calls, some with long arguments, and leases.

import { createHash, randomBytes } from 'node:crypto';
import { ulid } from '../../src/base/encoding/ulid.ts';
import type { ReceiptFacts } from '../../src/trust/receipt/leaf.ts';

export const systemRandom = (bytes: number): Uint8Array => randomBytes(bytes);

/** A call, with so many characters of arguments. */
export function callFacts(length: number): ReceiptFacts {
  return {
    ...commonFacts('call'),
    type: 'call',
    outcome: 'done',
    subject: { name: 'call', sha256: '0'.repeat(64) },
    tool: 'text_echo',
    arguments: { text: 'x'.repeat(length) },
    result: { content: [{ type: 'text', text: 'an answer of ordinary length' }] },
  };
}

/** A lease that is to be signed, and its receipt. */
export function leaseFacts(): { readonly payload: Uint8Array; readonly facts: ReceiptFacts } {
  const encode = (value: unknown): string =>
    Buffer.from(JSON.stringify(value)).toString('base64url');
  const jti = randomBytes(16).toString('hex');
  const payload = Buffer.from(`${encode({ alg: 'ES256', typ: 'lease+jwt' })}.${encode({ jti })}`);
  const sha256 = createHash('sha256').update(payload).digest('hex');
  return {
    payload,
    facts: {
      ...commonFacts('lease'),
      type: 'lease',
      outcome: 'issued',
      subject: { name: 'lease', sha256 },
    },
  };
}

function commonFacts(
  kind: string,
): Pick<ReceiptFacts, 'id' | 'time' | 'tenant' | 'assurance' | 'jail'> {
  const time = Date.now();
  return {
    id: `${kind}_${ulid(time, randomBytes(10))}`,
    time,
    tenant: 'default',
    assurance: 'personal',
    jail: 'none',
  };
}
