// The files that let systemd run a separated install: the unit, and the directories it makes at boot.

import {
  DAEMON_SIGNER_STATE,
  DAEMON_USER,
  HOME,
  type Place,
  SIGNER_HOME,
  SIGNER_SOCKET,
  SIGNER_USER,
  type SignerPlace,
} from './layout.ts';

export const unitPath = '/etc/systemd/system/warder.service';
export const signerUnitPath = '/etc/systemd/system/warder-sign.service';
export const tmpfilesPath = '/etc/tmpfiles.d/warder.conf';

/**
 * The unit. docs/design/separated.md says of each switch why it is on, and of those that are missing that
 * the jail does not stand with them.
 *
 * @param node absolute path of Node.
 * @param entry absolute path of the command.
 */
export function unitText(node: string, entry: string, signer: SignerPlace): string {
  const apart = signer === 'process';
  return `# Written by \`warder setup --separated\`; changes belong into a drop-in (\`systemctl edit warder\`).
[Unit]
Description=warder, a sandboxed tool-execution runtime for AI agents
After=network.target systemd-tmpfiles-setup.service${apart ? ' warder-sign.service\nWants=warder-sign.service' : ''}

[Service]
Type=exec
User=${DAEMON_USER}
Group=${DAEMON_USER}
UMask=0077
ExecStart=${systemdWord(node)} --disable-sigusr1 --no-warnings ${systemdWord(entry)} --home ${HOME} serve
# 2 and 7: it is not as it has to be, and would not be the next time.
Restart=on-failure
RestartPreventExitStatus=2 7
KillMode=mixed
TimeoutStopSec=30
LimitCORE=0

NoNewPrivileges=yes
CapabilityBoundingSet=
AmbientCapabilities=
ProtectSystem=strict
ReadWritePaths=${HOME} ${apart ? '/run/warder' : `${DAEMON_SIGNER_STATE} /run/warder`}
# A grant below /home or /root: ReadWritePaths= or BindReadOnlyPaths= in a drop-in.
ProtectHome=read-only
PrivateTmp=yes
PrivateDevices=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectKernelModules=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
LockPersonality=yes
KeyringMode=private
RemoveIPC=yes
SystemCallArchitectures=native
SystemCallFilter=~@clock @cpu-emulation @debug @module @obsolete @raw-io @reboot @swap
SystemCallErrorNumber=EPERM
# Not here, because the jail of the tools does not stand with them (docs/design/separated.md):
# RestrictNamespaces, ProtectKernelTunables, ProtectKernelLogs, ProtectProc, ProcSubset, ProtectHostname,
# PrivateUsers, MemoryDenyWriteExecute, ~@mount, ~@privileged.

[Install]
WantedBy=multi-user.target
`;
}

/**
 * The unit of the signer process. It needs no network and no namespaces; what its device needs, a drop-in gives.
 *
 * @param node absolute path of Node.
 * @param entry absolute path of the command.
 */
export function signerUnitText(node: string, entry: string): string {
  return `# Written by \`warder setup --separated\`; changes belong into a drop-in (\`systemctl edit warder-sign\`).
[Unit]
Description=signer of warder: its keys, and what it remembers of what it signed
After=systemd-tmpfiles-setup.service

[Service]
Type=exec
User=${SIGNER_USER}
Group=${SIGNER_USER}
UMask=0077
ExecStart=${systemdWord(node)} --disable-sigusr1 --no-warnings ${systemdWord(entry)} signer serve --state ${SIGNER_HOME} --listen unix:${SIGNER_SOCKET}
Restart=on-failure
# 2: its config is not as it has to be. What is unavailable, a token or a TPM, comes back.
RestartPreventExitStatus=2
RestartSec=2
TimeoutStopSec=30
LimitCORE=0

NoNewPrivileges=yes
CapabilityBoundingSet=
AmbientCapabilities=
ProtectSystem=strict
ReadWritePaths=${SIGNER_HOME} /run/warder/signer
InaccessiblePaths=${HOME}
ProtectHome=yes
PrivateTmp=yes
# A TPM: PrivateDevices=no, DeviceAllow=/dev/tpmrm0 rw and SupplementaryGroups=tss in a drop-in.
PrivateDevices=yes
# An HSM over the network, or https: PrivateNetwork=no and RestrictAddressFamilies=AF_INET AF_INET6 in a drop-in.
PrivateNetwork=yes
RestrictAddressFamilies=AF_UNIX
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectProc=invisible
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
KeyringMode=private
RemoveIPC=yes
SystemCallArchitectures=native
SystemCallFilter=~@clock @cpu-emulation @debug @module @mount @obsolete @raw-io @reboot @swap
SystemCallErrorNumber=EPERM
# Not here: MemoryDenyWriteExecute, with which Node does not run.

[Install]
WantedBy=multi-user.target
`;
}

/** tmpfiles.d(5): what is made anew at each boot. */
export function tmpfilesText(sockets: readonly Place[]): string {
  const lines = sockets.map(
    ({ path, owner, group, mode }) =>
      `d ${path} ${mode.toString(8).padStart(4, '0')} ${owner} ${group} -`,
  );
  return `# Written by \`warder setup --separated\`.\n${lines.join('\n')}\n`;
}

/** A word of a command line in a unit. */
function systemdWord(word: string): string {
  const escaped = word.replaceAll('%', '%%').replaceAll('$', '$$$$');
  return /^[\w@%+=:,./$-]+$/.test(escaped) ? escaped : `"${escaped.replaceAll(/["\\]/g, '\\$&')}"`;
}
