// `warder receipts verify`: one receipt, or a whole log, offline with keys; without either the home's own log.

import type { Command } from 'commander';
import { parseJson } from '../../../base/encoding/parse-json.ts';
import { WarderError } from '../../../base/errors/errors.ts';
import type { Requirement } from '../../../trust/verify/checkpoint.ts';
import type { TrustedKeys } from '../../../trust/verify/keys.ts';
import type { VerifiedLog } from '../../../trust/verify/log.ts';
import type { VerifiedReceipt } from '../../../trust/verify/receipt.ts';
import { collect } from '../collect.ts';
import { readGivenText } from '../given-files.ts';
import type { Context } from '../context.ts';
import { plain } from '../output.ts';
import type { Run } from '../program.ts';
import { readWitnesses, refuseWitnesses, witnessLines } from './witness-options.ts';

interface VerifyOptions {
  readonly key: readonly string[];
  readonly anyKey?: true;
  readonly rotations?: string;
  readonly witness: readonly string[];
  readonly quorum?: string;
  readonly log?: string;
  readonly remember?: string;
  readonly value: readonly string[];
}

/** Adds `receipts verify`. */
export function addVerifyCommand(receipts: Command, run: Run): void {
  receipts
    .command('verify')
    .argument('[file]', 'a proof, a disclosed receipt, a sigstore bundle or a DSSE envelope')
    .option('--key <file>', 'JWKS, PEM or vkey file; repeat for more', collect, [])
    .option('--any-key', 'one of the given keys suffices; all must have signed otherwise')
    .option(
      '--rotations <file>',
      'JWKS of today: its rotations are followed from the given keys on',
    )
    .option('--witness <file>', 'vkeys of witnesses, one per line; repeat for more', collect, [])
    .option('--quorum <n>', 'how many of the witnesses must have cosigned; all otherwise')
    .option(
      '--value <name=@file>',
      'JSON you have of a disclosed salt; repeat for more',
      collect,
      [],
    )
    .option('--log <dir>', 'verify a whole log from its files, copied from anywhere')
    .option(
      '--remember <file>',
      'the head seen last time: the log must go on from it; written anew',
    )
    .description('check a receipt or a whole log offline, or audit the log of the home')
    .action((file: string | undefined, options: VerifyOptions) =>
      run(async (context) => {
        if (options.log !== undefined) return verifyDirectory(context, file, options.log, options);
        if (options.remember !== undefined) {
          throw new WarderError('usage', '`--remember` goes with `--log`', {
            hint: 'give the directory of the log: it holds `checkpoint` and `tile`',
          });
        }
        if (file !== undefined) return verifyFile(context, file, options);
        refuseWitnesses(options);
        const audit = await (await context.operator()).call('receipts.audit', {});
        context.out.result(audit, logLines(audit));
      }),
    );
}

async function verifyFile({ out }: Context, file: string, options: VerifyOptions): Promise<void> {
  const text = readGivenText(file);
  const { isDisclosure, verifyDisclosure } = await import('../../../trust/verify/disclosure.ts');
  if (text.trimStart().startsWith('{') && !isDisclosure(text)) {
    const { verifyEnvelope } = await import('../../../trust/verify/envelope.ts');
    const verified = await verifyEnvelope(text, await readKeys(options, 'dsse'));
    out.result(verified, [
      `verified: the signer saw receipt \`${verified.id}\` in its log`,
      `signed by ${verified.signedBy.join(' and ')}`,
      plain(JSON.stringify(verified.statement)),
    ]);
    return;
  }
  const keys = await readKeys(options, 'checkpoint');
  const required = await requirement(options);
  if (!isDisclosure(text)) {
    const { verifyReceipt } = await import('../../../trust/verify/receipt.ts');
    const verified = await verifyReceipt(text, keys, required);
    out.result(verified, receiptLines(verified));
    return;
  }
  const values = readValues(options.value);
  const verified = await verifyDisclosure(text, keys, required, values);
  const { receipt, disclosed, unopened, sealed } = verified;
  out.result({ ...receipt, disclosed, unopened, sealed }, [
    ...receiptLines(receipt),
    ...Object.entries(disclosed).map(
      ([name, value]) => `disclosed ${plain(name)}: ${plain(JSON.stringify(value))}`,
    ),
    ...unopened.map(
      (name) =>
        `its salt only: ${plain(name)} (check what you have with --value ${plain(name)}=@FILE)`,
    ),
    ...sealed.map((name) => `sealed ${plain(name)}`),
  ]);
}

function receiptLines(verified: VerifiedReceipt): readonly string[] {
  return [
    `verified: leaf ${verified.index} of ${verified.treeSize} in \`${verified.origin}\``,
    `signed by ${verified.signedBy.join(' and ')}`,
    ...witnessLines(verified.cosignedBy),
    plain(JSON.stringify(verified.statement)),
  ];
}

async function verifyDirectory(
  { out }: Context,
  file: string | undefined,
  directory: string,
  options: VerifyOptions,
): Promise<void> {
  if (file !== undefined) {
    throw new WarderError('usage', 'a file and `--log` are verified one at a time', {
      hint: 'leave one of them out',
    });
  }
  const { openLogDirectory } = await import('../log-directory.ts');
  const { readRemembered, writeRemembered } = await import('../remembered-head.ts');
  const { verifyLog } = await import('../../../trust/verify/log.ts');
  const keys = await readKeys(options, 'checkpoint');
  const remembered = options.remember === undefined ? undefined : readRemembered(options.remember);
  const log = openLogDirectory(directory);
  const progress = showProgress(log.size);
  const verified = await verifyLog(log.reader, log.checkpoint, keys, {
    ...(await requirement(options)),
    ...(remembered === undefined ? {} : { remembered }),
    onLeaf: progress,
  });
  if (options.remember !== undefined) writeRemembered(options.remember, log.checkpoint);
  out.result({ ...verified, remembered: remembered?.size ?? null }, [
    ...logLines(verified),
    `signed by ${verified.signedBy.join(' and ')}`,
    ...witnessLines(verified.cosignedBy),
    ...(remembered === undefined
      ? []
      : [`it goes on from the ${remembered.size} leaves seen before`]),
  ]);
}

function logLines({
  size,
  root,
  follows,
}: Pick<VerifiedLog, 'size' | 'root' | 'follows'>): readonly string[] {
  const holds = `the log holds: ${size} leaves, root ${root}`;
  if (follows === undefined) return [holds];
  const { origin, lost, reason } = follows;
  return [
    holds,
    plain(
      `  it took the place of ${origin}, last signed with ${follows.size} leaves, ${lost} of them lost: ${reason}`,
    ),
  ];
}

/** Says on a terminal how far it came, each whole percent. */
function showProgress(size: number): (index: number) => void {
  if (!process.stderr.isTTY) return () => {};
  let shown = -1;
  return (index) => {
    const percent = Math.floor(((index + 1) * 100) / Math.max(1, size));
    if (percent === shown) return;
    shown = percent;
    process.stderr.write(percent === 100 ? '\r\u001b[K' : `\r${percent} % of ${size} leaves`);
  };
}

async function requirement(options: VerifyOptions): Promise<Requirement> {
  return {
    require: options.anyKey === true ? 'any' : 'all',
    ...(await readWitnesses(options)),
  };
}

async function readKeys(
  { key, rotations }: VerifyOptions,
  use: 'checkpoint' | 'dsse',
): Promise<TrustedKeys> {
  if (key.length === 0) {
    throw new WarderError('usage', 'what is verified is verified with the keys you trust', {
      hint: 'give each with `--key FILE`; `warder keys list` prints them',
    });
  }
  const { loadKeys } = await import('../../../trust/verify/keys.ts');
  const keys = await loadKeys(
    key.map((path) => readGivenText(path)),
    [use],
  );
  if (rotations === undefined) return keys;
  const { followRotations } = await import('../../../trust/verify/rotation.ts');
  return followRotations(parseJson(readGivenText(rotations)), keys);
}

function readValues(options: readonly string[]): Record<string, ReturnType<typeof parseJson>> {
  return Object.fromEntries(
    options.map((option) => {
      const [, name = '', path = ''] = /^([a-z0-9/]{1,64})=@(.+)$/s.exec(option) ?? [];
      if (name === '') {
        throw new WarderError('usage', '`--value` is not NAME=@FILE', {
          hint: 'e.g. `--value result=@result.json`',
        });
      }
      return [name, parseJson(readGivenText(path), { maxBytes: 64 * 1024 * 1024 })];
    }),
  );
}
