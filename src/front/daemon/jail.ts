// The jail as an operator sees it: which layers are on, what mends the others, which are demanded.

import { WarderError } from '../../base/errors/errors.ts';
import type { JailReport } from '../../base/process/detect-jail.ts';
import { type JailLayer, jailLayers } from '../../base/process/jail-plan.ts';
import type { Finding } from '../console/operations.ts';

const MEANING: Readonly<Record<JailLayer, string>> = {
  bubblewrap: 'the root is built and closed by bubblewrap',
  'mount-namespace': 'mounts of its own',
  'pid-namespace': 'sees and signals no process of the host',
  'network-namespace': 'no network, no abstract sockets',
  'ipc-namespace': 'no shared memory or queues of the host',
  'uts-namespace': 'a host name of its own',
  'cgroup-namespace': 'sees no control group of the host',
  'user-namespace': 'privileges of its own that mean nothing outside',
  'unprivileged-user': 'not root, neither inside nor outside',
  'no-capabilities': 'no capability in effect or within reach',
  'no-new-privs': 'no program can give it privileges',
  'no-nested-user-namespaces': 'cannot make itself root of anything',
  'minimal-root': 'Node, its libraries and one bundle; no /proc, /sys, /etc, no home',
  rlimits: 'memory, processes, descriptors and files bounded',
  seccomp: 'system calls it never needs are refused',
};

const REMEDIES: Partial<Record<JailLayer, string>> = {
  bubblewrap: 'apt install bubblewrap',
  'cgroup-namespace': 'a kernel with CONFIG_CGROUPS and cgroup namespaces',
  seccomp: 'comes with a later version',
};

/**
 * Refuses to go on without what the operator demands.
 *
 * @throws WarderError `unavailable` naming the layers that are off.
 */
export function requireLayers(report: JailReport, required: readonly JailLayer[]): void {
  const on = report.jail?.layers ?? [];
  const missing = required.filter((layer) => !on.includes(layer));
  if (missing.length === 0) return;
  const names = missing.map((layer) => `\`${layer}\``).join(', ');
  const remedies = [
    ...report.failed.map(({ remedy }) => remedy),
    ...missing.flatMap((layer) => REMEDIES[layer] ?? []),
  ];
  throw new WarderError('unavailable', `the config demands of the jail what is off: ${names}`, {
    hint: [...new Set(remedies), 'or take it out of `jail.require`'].join('; '),
    data: { missing },
  });
}

/** What `warder doctor` says of the jail, layer by layer. */
export function jailFindings({ jail, failed }: JailReport): readonly Finding[] {
  const failures = failed.map(({ kind, reason, remedy }): Finding => ({
    subject: `jail ${kind}`,
    state: jail === undefined ? 'problem' : 'note',
    text: `does not work here: ${reason}`,
    remedy,
  }));
  if (jail === undefined) {
    const none: Finding = {
      subject: 'jail',
      state: 'problem',
      text: 'none: tools are refused, unless their grant says `--unsafe-no-jail`',
      remedy: 'apt install bubblewrap',
    };
    return [none, ...failures];
  }
  const layers = jailLayers.map((layer): Finding => {
    const subject = `jail ${layer}`;
    if (jail.layers.includes(layer)) return { subject, state: 'ok', text: MEANING[layer] };
    const text = `off: ${MEANING[layer]}`;
    const remedy = REMEDIES[layer];
    return { subject, state: 'note', text, ...(remedy === undefined ? {} : { remedy }) };
  });
  const made: Finding = { subject: 'jail', state: 'ok', text: `made by ${jail.kind}` };
  return [made, ...layers, ...failures];
}
