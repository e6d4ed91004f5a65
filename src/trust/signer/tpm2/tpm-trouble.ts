// What a TPM's failure means for a key: which of the four classes of trouble it is, and what helps.

import { WarderError } from '../../../base/errors/errors.ts';
import { TPM_RC } from '../../tpm/response-code.ts';
import { refusedWith, TpmFailure } from '../../tpm/tpm-failure.ts';
import { type SignerTrouble, signerTrouble } from '../trouble.ts';

interface Meaning {
  readonly trouble: SignerTrouble;
  readonly hint: string;
}

const MISCONFIGURED = 'misconfigured';

/** By response code. */
const REFUSALS: readonly (readonly [codes: readonly number[], meaning: Meaning])[] = [
  [
    [TPM_RC.authFail, TPM_RC.badAuth],
    {
      trouble: 'auth',
      hint: 'the file with the auth value is not the one the key was made with; it is not tried again',
    },
  ],
  [
    [TPM_RC.lockout],
    {
      trouble: 'auth',
      hint: 'the TPM is locked: wait, or end it with `tpm2_dictionarylockout -c`',
    },
  ],
  [
    [TPM_RC.policyFail, TPM_RC.value],
    {
      trouble: MISCONFIGURED,
      hint: 'the platform registers of the key have moved: boot what was booted before, or rotate',
    },
  ],
  [
    [TPM_RC.pcrChanged],
    { trouble: 'transient', hint: 'platform registers keep changing while the key signs' },
  ],
  [
    [TPM_RC.handle],
    { trouble: 'removed', hint: 'the key is not in this TPM: was it evicted, or the TPM cleared?' },
  ],
  [
    [TPM_RC.integrity, TPM_RC.binding, TPM_RC.size],
    {
      trouble: MISCONFIGURED,
      hint: 'the key was made below another parent: by another TPM, or before this one was cleared',
    },
  ],
  [
    [TPM_RC.authType, TPM_RC.authUnavailable],
    { trouble: MISCONFIGURED, hint: 'the key wants a policy: name its registers with `pcrs`' },
  ],
  [
    [TPM_RC.curve, TPM_RC.scheme, TPM_RC.hash, TPM_RC.key, TPM_RC.type, TPM_RC.attributes],
    { trouble: MISCONFIGURED, hint: 'this TPM has no such keys; every TPM 2.0 has ES256' },
  ],
  [
    [TPM_RC.failure],
    { trouble: 'removed', hint: 'its self-test failed: restart the machine, see the kernel log' },
  ],
  [
    [TPM_RC.nvSpace],
    { trouble: MISCONFIGURED, hint: 'evict persistent keys nobody uses, or use `tpm2:blob=…`' },
  ],
];

/** An answer that cannot be read was made by no TPM, or changed on its way. */
export function answerFailure(error: unknown): unknown {
  if (!(error instanceof WarderError) || error.code !== 'malformed') return error;
  return new TpmFailure('untrue', error.message, { cause: error });
}

/** A failure as a key's user sees it; other errors stay what they are. */
export function tpmTrouble(error: unknown): unknown {
  if (!(error instanceof TpmFailure)) return error;
  const { trouble, hint } = meaningOf(error);
  return signerTrouble(trouble, error.message, { hint, cause: error });
}

/** Whether the auth value was wrong: asking again would be the same. */
export function isWrongAuth(error: unknown): boolean {
  return refusedWith(error, TPM_RC.authFail, TPM_RC.badAuth);
}

/** Whether it is about the connection: it may be another one that works. */
export function isLost(error: unknown): error is TpmFailure {
  return error instanceof TpmFailure && error.kind !== 'refused';
}

function meaningOf(failure: TpmFailure): Meaning {
  switch (failure.kind) {
    case 'gone':
      return {
        trouble: 'removed',
        hint: 'check that the TPM is there and that this user may open it; see docs/keys/tpm2.md',
      };
    case 'slow':
      return { trouble: 'transient', hint: 'another program may be holding the TPM' };
    case 'untrue':
      return {
        trouble: 'transient',
        hint: 'what it said was not used; if this happens again, somebody is on the way to the TPM',
      };
    case 'refused': {
      const known = REFUSALS.find(([codes]) => refusedWith(failure, ...codes));
      return known?.[1] ?? { trouble: 'transient', hint: 'see docs/keys/tpm2.md' };
    }
  }
}

/** The error for a key that is another one now. */
export function changedKey(where: string, kid: string): WarderError {
  return signerTrouble(MISCONFIGURED, `another key is at \`${where}\` in the TPM now`, {
    hint: `put back the one with \`${kid}\`, or rotate on purpose`,
  });
}
