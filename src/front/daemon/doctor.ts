// `warder doctor`: what is on, what is not, what that is worth, and the remedy for each.

import { statfsSync } from 'node:fs';
import { asWarderError } from '../../base/errors/errors.ts';
import { detectJail } from '../../base/process/detect-jail.ts';
import { jailKinds } from '../../base/process/jail-plan.ts';
import { lockHolder } from '../../base/store/home-lock.ts';
import { openSigner } from '../../trust/signer/open-signer.ts';
import { type Config, readConfig } from '../config/config.ts';
import { checkHome, type Home } from '../config/home.ts';
import type { Finding } from '../console/operations.ts';
import type { Runtime } from './compose.ts';
import { assuranceFindings, isOwn, othersFinding, starter } from './level.ts';
import { jailFindings } from './jail.ts';
import { keyAccess } from './key-access.ts';
import { listFindings } from './list-findings.ts';
import { operatorFindings } from './operator-findings.ts';
import { signerFindings } from './signer-findings.ts';
import { witnessFindings } from './witness-findings.ts';

/** Free space under which a log is likely to stop soon. */
const LOW_SPACE_BYTES = 256 * 1024 * 1024;

/** What can be told without a daemon. */
export async function examine(home: Home): Promise<readonly Finding[]> {
  const findings: Finding[] = [nodeFinding()];
  if (!isOwn(home)) return [...findings, othersFinding(home)];
  const config = attempt(findings, 'home', home.root, () => {
    checkHome(home);
    return readConfig(home.config);
  });
  findings.push(...jailFindings(await detectJail({ kinds: config?.jail.use ?? jailKinds })));
  findings.unshift(...assuranceFindings(home, config));
  if (config === undefined) return findings;
  findings.push(
    ...(await signerFindings(home, config)),
    ...(await keyFindings(home, config)),
    spaceFinding(home),
  );
  const holder = lockHolder(home.root);
  findings.push(
    holder === undefined
      ? { subject: 'daemon', state: 'note', text: 'not running', remedy: starter(home) }
      : { subject: 'daemon', state: 'ok', text: `process ${holder}` },
  );
  return findings;
}

async function examineInside({ home, config }: Runtime): Promise<readonly Finding[]> {
  return [
    ...assuranceFindings(home, config),
    ...jailFindings(await detectJail({ kinds: config.jail.use })),
    ...(await signerFindings(home, config)),
    ...(await keyFindings(home, config)),
    spaceFinding(home),
  ];
}

/** What the running daemon adds. */
export async function doctorFindings(runtime: Runtime): Promise<readonly Finding[]> {
  const { signedSize, error } = runtime.receipts.checkpointer.state();
  const log = { size: runtime.gate.log.size, signedSize, problem: error?.message };
  const { policy, catalog } = runtime.gate;
  // Of a separated install only the daemon can look into the home.
  const inside = runtime.home.run === undefined ? [] : await examineInside(runtime);
  const { errors, several } = policy.check(catalog.list('default').flatMap(({ tools }) => tools));
  return [
    ...inside,
    log.problem === undefined
      ? { subject: 'log', state: 'ok', text: `${log.size} leaves, signed up to ${log.signedSize}` }
      : {
          subject: 'log',
          state: 'problem',
          text: `behind: ${log.size} leaves, signed up to ${log.signedSize}: ${log.problem}`,
          remedy: 'leaves are durable; proofs wait until checkpoints can be signed again',
        },
    ...witnessFindings(runtime),
    errors.length === 0
      ? {
          subject: 'policy',
          state: 'ok',
          text: `${policy.rules.length} policies, ${policy.digest.slice(0, 16)}`,
        }
      : {
          subject: 'policy',
          state: 'problem',
          text: errors.join('; '),
          remedy: 'mend the policies and run `warder policy set`; evaluation errors deny meanwhile',
        },
    ...operatorFindings(
      runtime.operators,
      Math.max(1, ...several.map(({ persons }) => persons)),
      runtime.gate.assurance,
    ),
    clockFinding(runtime),
    vaultFinding(runtime),
    ...listFindings(runtime),
    { subject: 'store', state: 'ok', text: 'SQLite, WAL, synchronous=FULL' },
  ];
}

function vaultFinding({ gate }: Runtime): Finding {
  const faults = gate.vault.faults();
  const [first] = faults;
  if (first === undefined) {
    const count = gate.vault.list('default').length;
    return { subject: 'vault', state: 'ok', text: `${count} secrets, sealed with AES-256-GCM` };
  }
  const remedy = first.hint === undefined ? {} : { remedy: first.hint };
  const text = faults.map(({ message }) => message).join('; ');
  return { subject: 'vault', state: 'problem', text, ...remedy };
}

function clockFinding(runtime: Runtime): Finding {
  try {
    return { subject: 'clock', state: 'ok', text: new Date(runtime.gate.now()).toISOString() };
  } catch (thrown) {
    const { message, hint } = asWarderError(thrown);
    const remedy = hint === undefined ? {} : { remedy: hint };
    return { subject: 'clock', state: 'problem', text: message, ...remedy };
  }
}

async function keyFindings(home: Home, config: Config): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  for (const [subject, pin] of [
    ['signing key', config.key],
    ['log key', config.logKey],
  ] as const) {
    try {
      const access = keyAccess(home, config);
      const signer = await openSigner(pin.uri, { ...access, kid: pin.kid, roles: [] });
      const { alg, kid } = signer.key;
      findings.push({ subject, state: 'ok', text: `${alg} ${kid}: ${signer.custody.summary}` });
      await signer.close();
    } catch (thrown) {
      const { message, hint } = asWarderError(thrown);
      const remedy = hint === undefined ? {} : { remedy: hint };
      findings.push({ subject, state: 'problem', text: message, ...remedy });
    }
  }
  return findings;
}

function nodeFinding(): Finding {
  const major = Number(process.versions.node.split('.')[0]);
  const text = `${process.version} at ${process.execPath}`;
  if (major >= 24) return { subject: 'node', state: 'ok', text };
  return { subject: 'node', state: 'problem', text, remedy: 'run warder with Node 24 or newer' };
}

function spaceFinding(home: Home): Finding {
  const { bavail, bsize } = statfsSync(home.root);
  const free = bavail * bsize;
  const text = `${Math.floor(free / 1024 / 1024)} MiB free`;
  if (free >= LOW_SPACE_BYTES) return { subject: 'disk', state: 'ok', text };
  const remedy = 'make room: when the log cannot be written nothing runs';
  return { subject: 'disk', state: 'problem', text, remedy };
}

function attempt<T>(
  findings: Finding[],
  subject: string,
  good: string,
  work: () => T,
): T | undefined {
  try {
    const value = work();
    findings.push({ subject, state: 'ok', text: good });
    return value;
  } catch (thrown) {
    const { message, hint } = asWarderError(thrown);
    const remedy = hint === undefined ? {} : { remedy: hint };
    findings.push({ subject, state: 'problem', text: message, ...remedy });
    return undefined;
  }
}
