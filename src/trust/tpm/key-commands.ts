// Commands that use a key or the registers: signing, policies, PCRs, random bytes.

import {
  formatSelection,
  parseTpmSignature,
  type PcrSelection,
  readSelection,
  type TpmSignature,
} from './attest-structures.ts';
import { type TpmEntity, HIERARCHY, permanent } from './entity.ts';
import { DIGEST_SIZE } from './key-derivation.ts';
import { TPM_ALG, type TpmHash } from './public-area.ts';
import { EMPTY_AUTH, type TpmSession } from './session.ts';
import type { Authorization, Tpm } from './tpm.ts';
import { TpmFailure } from './tpm-failure.ts';
import { joined, sized, u16, u32 } from './tpm-writer.ts';

const TK_HASHCHECK = 0x8024;

/** ECDSA over a digest. */
export async function sign(
  tpm: Tpm,
  key: TpmEntity,
  session: Authorization,
  hash: TpmHash,
  digest: Uint8Array,
): Promise<TpmSignature> {
  const { parameters } = await tpm.run({
    command: 'Sign',
    handles: [key],
    authorize: [session],
    parameters: [
      sized(digest),
      joined(u16(TPM_ALG.ecdsa), u16(TPM_ALG[hash])),
      // No ticket: the digest was made outside, which only an unrestricted key signs.
      joined(u16(TK_HASHCHECK), u32(HIERARCHY.null.handle), sized()),
    ],
  });
  return parseTpmSignature(parameters.rest(), 'the signature');
}

/** Demands that registers hold what they hold now. */
export async function policyPcr(
  tpm: Tpm,
  policy: TpmSession,
  selection: PcrSelection,
): Promise<void> {
  await onPolicy(tpm, 'PolicyPCR', policy, [sized(), formatSelection(selection)]);
}

/** Demands that the auth value of the object is proven with the command. */
export async function policyAuthValue(tpm: Tpm, policy: TpmSession): Promise<void> {
  await onPolicy(tpm, 'PolicyAuthValue', policy, []);
  policy.wantsAuthValue = true;
}

/** Demands that the auth value of an entity, e.g. of the endorsement hierarchy, is proven: now. */
export async function policySecret(
  tpm: Tpm,
  policy: TpmSession,
  entity: TpmEntity,
  session: Authorization,
): Promise<void> {
  const nothing = sized();
  await tpm.run({
    command: 'PolicySecret',
    handles: [entity, permanent(policy.handle)],
    authorize: [session],
    parameters: [nothing, nothing, nothing, u32(0)],
  });
}

/** Begins the policy anew, in the same session. */
export async function policyRestart(tpm: Tpm, policy: TpmSession): Promise<void> {
  await onPolicy(tpm, 'PolicyRestart', policy, []);
  policy.wantsAuthValue = false;
}

/** What the policy demands so far, as a digest. */
export async function policyGetDigest(tpm: Tpm, policy: TpmSession): Promise<Uint8Array> {
  const { parameters } = await tpm.run({
    command: 'PolicyGetDigest',
    handles: [permanent(policy.handle)],
  });
  const digest = parameters.sized(64);
  parameters.end();
  return digest;
}

/** What registers of one bank hold. @throws TpmFailure `refused` when the bank is not active. */
export async function pcrRead(
  tpm: Tpm,
  { bank, pcrs }: PcrSelection,
): Promise<ReadonlyMap<number, Uint8Array>> {
  const values = new Map<number, Uint8Array>();
  // Eight digests fit into one answer.
  for (
    let wanted = [...pcrs];
    wanted.length > 0;
    wanted = wanted.filter((pcr) => !values.has(pcr))
  ) {
    const part = wanted.slice(0, 8);
    const { parameters } = await tpm.run({
      command: 'PCR_Read',
      parameters: [formatSelection({ bank, pcrs: part })],
    });
    // The update counter, and what is answered out of the selection.
    parameters.u32();
    const given = readSelection(parameters).pcrs;
    const count = parameters.u32();
    if (count === 0) {
      throw new TpmFailure('refused', `the TPM has no ${bank} registers`);
    }
    if (given.length !== count || count > 8) parameters.fail('other values than registers');
    for (const pcr of given) {
      if (!part.includes(pcr)) parameters.fail('a register nobody asked for');
      values.set(pcr, parameters.sized(DIGEST_SIZE[bank]));
    }
    parameters.end();
  }
  return new Map([...values].sort(([left], [right]) => left - right));
}

/** Extends a register: what it holds becomes a digest over what it held and this. */
export async function pcrExtend(
  tpm: Tpm,
  pcr: number,
  bank: TpmHash,
  digest: Uint8Array,
): Promise<void> {
  const { parameters } = await tpm.run({
    command: 'PCR_Extend',
    handles: [permanent(pcr)],
    authorize: [EMPTY_AUTH],
    parameters: [u32(1), u16(TPM_ALG[bank]), digest],
  });
  parameters.end();
}

/** Random bytes of the TPM: at most as many as its longest digest has. */
export async function getRandom(tpm: Tpm, count: number, guard?: TpmSession): Promise<Uint8Array> {
  const { parameters } = await tpm.run({
    command: 'GetRandom',
    guard,
    parameters: [u16(count)],
  });
  const bytes = parameters.sized(count);
  parameters.end();
  return bytes;
}

/** Ends a lockout. @param lockout the lockout hierarchy. */
export async function dictionaryAttackLockReset(
  tpm: Tpm,
  lockout: TpmEntity,
  session: Authorization,
): Promise<void> {
  const { parameters } = await tpm.run({
    command: 'DictionaryAttackLockReset',
    handles: [lockout],
    authorize: [session],
  });
  parameters.end();
}

async function onPolicy(
  tpm: Tpm,
  command: 'PolicyPCR' | 'PolicyAuthValue' | 'PolicyRestart',
  policy: TpmSession,
  parameters: readonly Uint8Array[],
): Promise<void> {
  const answer = await tpm.run({ command, handles: [permanent(policy.handle)], parameters });
  answer.parameters.end();
}
