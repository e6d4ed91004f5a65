// `warder keys attest|verify-attestation`: where a key is, as evidence; and judging such evidence offline.

import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import type { Command } from 'commander';
import { systemClock } from '../../../base/clock/clock.ts';
import { decodeHex } from '../../../base/encoding/hex.ts';
import { encodeUtf8 } from '../../../base/encoding/utf8.ts';
import { WarderError } from '../../../base/errors/errors.ts';
import type { Certificate } from '../../../trust/attest/certificate.ts';
import type { Evidence } from '../../../trust/attest/evidence.ts';
import type {
  Activation,
  Expectation,
  Verdict,
  VerifiedEvidence,
} from '../../../trust/attest/verify-evidence.ts';
import type { VerifiedTpm } from '../../../trust/attest/verify-tpm.ts';
import { writePrivateFile } from '../../../trust/signer/file/private-file.ts';
import { collect } from '../collect.ts';
import { readGivenFile, readGivenText } from '../given-files.ts';
import { type Output, plain } from '../output.ts';
import type { Run } from '../program.ts';

interface AttestOptions {
  readonly nonce?: string;
  readonly challenge?: string;
  readonly out?: string;
}

interface VerifyOptions {
  readonly ca: readonly string[];
  readonly intermediate: readonly string[];
  readonly key: readonly string[];
  readonly pcr: readonly string[];
  readonly nonce?: string;
  readonly checkpoint?: string;
  readonly challenge?: string;
  readonly challengeSecret?: string;
  readonly answer?: string;
  readonly knownAk?: string;
  readonly withoutActivation?: true;
  readonly possessionOnly?: true;
}

/** Adds them to `warder keys`. */
export function addAttestationCommands(keys: Command, run: Run): void {
  keys
    .command('attest')
    .argument('[name]', '`signing` or `log`', 'signing')
    .option('--nonce <hex>', 'of the verifier, 16 to 64 bytes; else the last checkpoint')
    .option('--challenge <file>', 'answer this challenge of a verifier instead')
    .option('--out <file>', 'where it goes; standard output else')
    .description('evidence of where a key is, for a verifier who trusts nobody here')
    .action((name: string, { nonce, challenge, out: path }: AttestOptions) =>
      run(async ({ operator, out }) => {
        if (nonce !== undefined && challenge !== undefined) {
          usage('an answer is bound by its challenge', 'leave `--nonce` away');
        }
        const { document } = await (
          await operator()
        ).call('keys.attest', {
          name,
          ...(nonce === undefined ? {} : { nonce }),
          ...(challenge === undefined ? {} : { challenge: readText(challenge) }),
        });
        if (path === undefined) return out.result(document, JSON.stringify(document, null, 2));
        writeDocument(path, document);
        out.result({ out: path }, `written to ${path}`);
      }),
    );
  keys
    .command('verify-attestation')
    .argument('<evidence>', 'what `keys attest` wrote')
    .option('--ca <file>', 'certificate that vouches for TPMs, PEM or DER; repeat', collect, [])
    .option('--intermediate <file>', 'certificate between, if not in the TPM; repeat', collect, [])
    .option('--key <file>', 'JWKS, PEM or vkey file with the key it must be about', collect, [])
    .option('--nonce <hex>', 'the nonce you asked for')
    .option('--checkpoint <file>', 'or the checkpoint it must be younger than')
    .option('--pcr <n=hex>', 'value a platform register must have; repeat', collect, [])
    .option('--challenge <out>', 'write a challenge for `keys attest --challenge`')
    .option('--answer <file>', 'what that answered')
    .option('--challenge-secret <file>', 'what you keep of a challenge: written, then read')
    .option('--known-ak <hex>', 'Name of an AK that was activated before')
    .option('--without-activation', 'accept that the TPM may be another than the EK’s')
    .option('--possession-only', 'accept that nothing proves where the key is')
    .description('judge evidence of where a key is; needs no daemon, no home, no TPM')
    .action((file: string, options: VerifyOptions) => run(({ out }) => judge(file, options, out)));
}

async function judge(file: string, options: VerifyOptions, out: Output): Promise<void> {
  const { parseEvidence, EVIDENCE_MAX } = await import('../../../trust/attest/evidence.ts');
  const { verdict, verifyEvidence } = await import('../../../trust/attest/verify-evidence.ts');
  checkOptions(options);
  const expected = await expectation(options);
  const evidence = parseEvidence(readGivenFile(file, { most: EVIDENCE_MAX }));
  if (evidence.tpm !== undefined && options.ca.length === 0) {
    usage('evidence of a TPM is judged with the certificate of its maker', 'give `--ca FILE`');
  }
  const verified = await verifyEvidence(evidence, expected);
  if (options.challenge !== undefined) return challenge(evidence, verified.tpm, options, out);
  const activation = await activated(evidence, verified, options);
  const judged = verdict(verified, activation);
  out.result(judged, describe(judged));
}

function checkOptions(options: VerifyOptions): void {
  const { nonce, checkpoint, challenge, answer, challengeSecret } = options;
  if ((nonce === undefined) === (checkpoint === undefined)) {
    usage('evidence counts only if it is fresh', 'give `--nonce HEX`, or `--checkpoint FILE`');
  }
  if (challenge !== undefined && answer !== undefined) {
    usage('`--challenge` begins what `--answer` ends', 'give one of them');
  }
  const exchange = challenge !== undefined || answer !== undefined;
  if (exchange !== (challengeSecret !== undefined)) {
    usage(
      '`--challenge-secret` goes with `--challenge` or `--answer`',
      'with `--challenge` it is written, with `--answer` it is read',
    );
  }
}

async function expectation(options: VerifyOptions): Promise<Expectation> {
  const { nonceBinding } = await import('../../../trust/attest/binding.ts');
  const { loadKeys } = await import('../../../trust/verify/keys.ts');
  const { nonce, checkpoint = '' } = options;
  const keys = options.key.length === 0 ? undefined : await loadKeys(options.key.map(readText));
  if (nonce !== undefined) nonceBinding(nonce);
  return {
    bound: nonce === undefined ? { note: readText(checkpoint) } : { nonce: nonce.toLowerCase() },
    ...(keys === undefined ? {} : { kids: keys.map(({ kid }) => kid) }),
    anchors: await certificates(options.ca),
    intermediates: await certificates(options.intermediate),
    pcrs: new Map(options.pcr.map(readRegister)),
    now: systemClock.wall(),
  };
}

async function certificates(files: readonly string[]): Promise<readonly Certificate[]> {
  const { readCertificates } = await import('../../../trust/attest/certificate.ts');
  return files.flatMap((file) => readCertificates(readBytes(file), `\`${file}\``));
}

async function challenge(
  evidence: Evidence,
  tpm: VerifiedTpm | undefined,
  { challenge: path = '', challengeSecret = '' }: VerifyOptions,
  out: Output,
): Promise<void> {
  if (tpm === undefined) usage('no TPM is in this evidence', 'only a TPM can be challenged');
  const { formatChallenge, formatSecret, makeChallenge, SECRET_SIZE } =
    await import('../../../trust/attest/challenge.ts');
  const made = makeChallenge(evidence, tpm, randomBytes(SECRET_SIZE));
  const secret = `${JSON.stringify(formatSecret(made.secret))}\n`;
  writePrivateFile(challengeSecret, 'secret of the challenge', encodeUtf8(secret));
  writeDocument(path, formatChallenge(made.challenge));
  out.result({ challenge: path, challengeSecret }, [
    `nothing is accepted yet: have \`${path}\` answered with \`warder keys attest --challenge\`,`,
    `keep \`${challengeSecret}\` to yourself, and verify with both: \`--answer\`, \`--challenge-secret\``,
  ]);
}

/** How AK and EK were joined. @throws WarderError when they were not, or nothing is there to join. */
async function activated(
  evidence: Evidence,
  { tpm }: VerifiedEvidence,
  options: VerifyOptions,
): Promise<Activation> {
  const { answer, challengeSecret = '', knownAk } = options;
  if (tpm === undefined) {
    if (options.possessionOnly === true) return 'waived';
    throw new WarderError('not-trusted', 'nothing in the evidence proves where the key is', {
      hint: 'it proves that somebody has the key; accept that with `--possession-only`',
    });
  }
  if (answer !== undefined) {
    const { checkAnswer, parseAnswer, parseSecret } =
      await import('../../../trust/attest/challenge.ts');
    const kept = parseSecret(readBytes(challengeSecret));
    checkAnswer(evidence, tpm, kept, parseAnswer(readBytes(answer)));
    return 'activated';
  }
  if (knownAk !== undefined) {
    const { encodeHex } = await import('../../../base/encoding/hex.ts');
    const { nameOf } = await import('../../../trust/tpm/public-area.ts');
    if (knownAk.toLowerCase() === encodeHex(nameOf(tpm.ak))) return 'known-ak';
    throw new WarderError('not-trusted', 'the AK is another than the one activated before', {
      hint: 'activate this one: `--challenge`',
    });
  }
  if (options.withoutActivation === true) return 'waived';
  throw new WarderError('not-trusted', 'nothing proves yet that AK and EK are in one TPM', {
    hint: 'write a challenge with `--challenge OUT --challenge-secret FILE`, or accept it with `--without-activation`',
  });
}

function describe({ kid, alg, origin, level, proven, notProven, claims, tpm }: Verdict): string[] {
  const { backend, summary, time, claims: facts = {} } = claims;
  return [
    `${alg} key ${kid} of \`${plain(origin)}\`: ${level}`,
    ...proven.map((each) => `  proven: ${each}`),
    ...notProven.map((each) => `  not proven: ${each}`),
    ...(tpm === undefined
      ? []
      : [
          `  TPM: ${plain([tpm.manufacturer, tpm.model, tpm.version].join(' ').trim())}`,
          ...tpm.issuers.map((issuer) => `    vouched for by ${plain(issuer)}`),
          `  EK ${tpm.ek}`,
          `  AK ${tpm.ak}`,
          ...Object.entries(tpm.pcrs).map(([pcr, value]) => `  ${tpm.bank} ${pcr}: ${value}`),
        ]),
    plain(`  claimed by its holder, not proven: ${backend}, ${summary}, at ${time}`),
    ...Object.entries(facts).map(([name, value]) => plain(`    ${name}: ${String(value)}`)),
  ];
}

const FILE_MAX = 256 * 1024;

function readRegister(text: string): readonly [number, Uint8Array] {
  const [, pcr = '', value = ''] =
    /^(\d{1,2})=((?:[0-9a-f]{64}|[0-9a-f]{96}))$/.exec(text.toLowerCase()) ?? [];
  if (pcr === '' || Number(pcr) > 23) usage(`\`--pcr ${text}\``, 'e.g. `7=` and 64 hex digits');
  return [Number(pcr), decodeHex(value)];
}

function writeDocument(path: string, document: unknown): void {
  try {
    writeFileSync(path, `${JSON.stringify(document, null, 2)}\n`);
  } catch (cause) {
    throw new WarderError('usage', `cannot write \`${path}\``, {
      cause,
      hint: 'name another file',
    });
  }
}

function readText(path: string): string {
  return readGivenText(path, { most: FILE_MAX });
}

function readBytes(path: string): Uint8Array {
  return readGivenFile(path, { most: FILE_MAX });
}

function usage(message: string, hint: string): never {
  throw new WarderError('usage', message, { hint });
}
