// The verdict on evidence: what is proven of where a key is, and what is not.

import { encodeHex } from '../../base/encoding/hex.ts';
import { WarderError } from '../../base/errors/errors.ts';
import type { PublicJwk } from '../signer/signer.ts';
import { nameOf } from '../tpm/public-area.ts';
import { verifyCheckpoint } from '../verify/checkpoint.ts';
import { loadKeys } from '../verify/keys.ts';
import { parseNote } from '../verify/note.ts';
import { type Binding, boundBytes, checkpointBinding, sameBinding } from './binding.ts';
import type { Certificate } from './certificate.ts';
import type { Evidence } from './evidence.ts';
import { type Possession, verifyPossession } from './possession.ts';
import { type VerifiedTpm, verifyTpm } from './verify-tpm.ts';

/** What a verifier brings along. */
export interface Expectation {
  /** What the evidence has to be bound to: a nonce, or the checkpoint whose note this is. */
  readonly bound: { readonly nonce: string } | { readonly note: string };
  /** Thumbprints of the keys one of which it has to be about; any key when absent. */
  readonly kids?: readonly string[];
  /** Certificates that are trusted to vouch for TPMs. */
  readonly anchors: readonly Certificate[];
  readonly intermediates: readonly Certificate[];
  /** Values that platform registers must have, by number. */
  readonly pcrs: ReadonlyMap<number, Uint8Array>;
  /** Wall milliseconds. */
  readonly now: number;
}

/** Evidence that holds together. */
export interface VerifiedEvidence {
  readonly key: PublicJwk;
  readonly binding: Binding;
  readonly possession: Possession;
  /** Absent where no TPM said anything: then nothing proves where the key is. */
  readonly tpm?: VerifiedTpm;
}

/**
 * Verifies evidence as far as it goes without the machine's answer to a challenge.
 *
 * @throws WarderError `verification-failed` when something in it does not hold or cannot be read; `not-trusted`
 *   when it may hold, but the verifier's trust does not reach that far.
 */
export async function verifyEvidence(
  evidence: Evidence,
  expected: Expectation,
): Promise<VerifiedEvidence> {
  try {
    return await judge(evidence, expected);
  } catch (cause) {
    if (!(cause instanceof WarderError) || cause.code !== 'malformed') throw cause;
    // What cannot be read proves nothing.
    throw new WarderError('verification-failed', cause.message, { cause, hint: CHANGED });
  }
}

const CHANGED = 'the evidence was changed, or is forged';

async function judge(evidence: Evidence, expected: Expectation): Promise<VerifiedEvidence> {
  const { key, binding, tpm } = evidence;
  if (expected.kids !== undefined && !expected.kids.includes(key.kid)) {
    throw new WarderError('not-trusted', `the evidence is about \`${key.kid}\``, {
      hint: 'that is none of the keys you gave with `--key`',
    });
  }
  const possession = await verifyPossession(evidence.possession, key);
  if (!sameBinding(possession.binding, binding)) {
    fail('the statement of the key is bound otherwise', 'it is put together of parts of two times');
  }
  await checkBound(evidence, possession, expected.bound);
  if (tpm === undefined) return { key, binding, possession };
  const { anchors, intermediates, pcrs, now } = expected;
  const verified = verifyTpm(tpm, key, {
    anchors,
    intermediates,
    pcrs,
    now,
    nonce: boundBytes(binding),
  });
  return { key, binding, possession, tpm: verified };
}

/** Whether evidence is bound to what the verifier knows to be fresh. */
async function checkBound(
  { key, binding, note }: Evidence,
  { iss }: Possession,
  bound: Expectation['bound'],
): Promise<void> {
  if ('nonce' in bound) {
    if (note !== undefined || !sameBinding(binding, bound)) {
      fail('the evidence is bound to something else', 'ask for evidence with this nonce');
    }
    return;
  }
  const hint = 'ask for evidence bound to a later checkpoint, and give that one';
  if (note === undefined || !sameBinding(binding, checkpointBinding(note))) {
    return fail('the evidence is bound to no checkpoint', hint);
  }
  // Cosignatures that came later make another note of the same head.
  if (parseNote(note).text !== parseNote(bound.note).text) {
    fail('the evidence is bound to another checkpoint', hint);
  }
  const keys = await loadKeys([JSON.stringify(key)]);
  const { origin } = await verifyCheckpoint(note, keys, { require: 'any' });
  if (origin !== iss) fail('the checkpoint is of another log than the key states', hint);
}

function fail(why: string, hint: string): never {
  throw new WarderError('verification-failed', why, { hint });
}

/** How evidence came to be believed to the end, or what was waived. */
export type Activation = 'activated' | 'known-ak' | 'waived';

/** What a verdict says. */
export interface Verdict {
  readonly kid: string;
  readonly alg: string;
  /** Log origin of the daemon, as the key states it. */
  readonly origin: string;
  readonly binding: Binding;
  /** `tpm`: the key is in the TPM of this EK. `tpm-unjoined`: AK and EK may be of two. */
  readonly level: 'tpm' | 'tpm-unjoined' | 'possession';
  readonly proven: readonly string[];
  readonly notProven: readonly string[];
  /** What the holder of the key says; true only if the holder is honest. */
  readonly claims: Possession['custody'] & { readonly time: string };
  readonly tpm?: {
    readonly manufacturer?: string;
    readonly model?: string;
    readonly version?: string;
    readonly issuers: readonly string[];
    /** Names, hex. */
    readonly ek: string;
    readonly ak: string;
    readonly bank: string;
    readonly pcrs: Readonly<Record<string, string>>;
    readonly policyPcrs: readonly number[];
  };
}

/** What no evidence of this kind can prove. */
const NEVER_PROVEN = 'that only warder signs with it: whoever may use the key on that machine can';

/** Puts the verdict in words. @param activation ignored where there is no TPM. */
export function verdict(
  { key, binding, possession, tpm }: VerifiedEvidence,
  activation: Activation,
): Verdict {
  const { iss, iat, custody } = possession;
  const since = 'nonce' in binding ? 'the nonce was chosen' : 'the checkpoint was signed';
  const said = {
    kid: key.kid,
    alg: key.alg,
    origin: iss,
    binding,
    claims: { ...custody, time: new Date(iat * 1000).toISOString() },
  };
  const possessed = `whoever made the evidence could sign with this key after ${since}`;
  if (tpm === undefined) {
    return {
      ...said,
      level: 'possession',
      proven: [possessed],
      notProven: ['where the key is, and that it cannot be copied', NEVER_PROVEN],
    };
  }
  const { ek, ak, description, issuers, bank, pcrs, policyPcrs } = tpm;
  const joined = activation !== 'waived';
  const held =
    policyPcrs.length === 0
      ? []
      : [`it signs only while registers ${policyPcrs.join(', ')} are as quoted`];
  const where = [
    `the key was made in a TPM and cannot leave it; the TPM had it loaded after ${since}`,
    ...held,
    `registers ${[...pcrs.keys()].join(', ')} held the values below`,
  ];
  const join = 'that this TPM is the one of the EK certificate: the AK was not activated';
  return {
    ...said,
    level: joined ? 'tpm' : 'tpm-unjoined',
    proven: [
      possessed,
      ...(joined ? where : []),
      ...(joined ? ['the TPM is the one whose EK the given CA vouches for'] : []),
    ],
    notProven: [
      ...(joined ? [] : [join, ...where.map((each) => `without that: ${each}`)]),
      NEVER_PROVEN,
    ],
    tpm: {
      ...description,
      issuers,
      ek: encodeHex(nameOf(ek)),
      ak: encodeHex(nameOf(ak)),
      bank,
      pcrs: Object.fromEntries([...pcrs].map(([pcr, value]) => [String(pcr), encodeHex(value)])),
      policyPcrs,
    },
  };
}
