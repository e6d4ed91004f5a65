// What `warder doctor` says of a signer process.

import { isJsonObject, type JsonObject } from '../../base/encoding/json.ts';
import { asWarderError } from '../../base/errors/errors.ts';
import { openChannel } from '../../trust/signer/remote/remote-key.ts';
import type { Config } from '../config/config.ts';
import type { Home } from '../config/home.ts';
import type { Finding } from '../console/operations.ts';
import { signerProcessOf } from '../signing/remote-keys.ts';

/** Nothing for keys that sign in the daemon. */
export async function signerFindings(home: Home, config: Config): Promise<readonly Finding[]> {
  const uri = signerProcessOf(config.logKey);
  if (uri === undefined) return [];
  const subject = 'signer process';
  const channel = openChannel(uri, home.root);
  try {
    const status = await channel.ask({ ask: 'status' });
    return [
      { subject, state: 'ok', text: describe(channel.name, isJsonObject(status) ? status : {}) },
    ];
  } catch (thrown) {
    const { message, hint, data } = asWarderError(thrown);
    const trouble = typeof data['signer'] === 'string' ? ` (${data['signer']})` : '';
    const remedy = hint === undefined ? {} : { remedy: hint };
    return [{ subject, state: 'problem', text: `${message}${trouble}`, ...remedy }];
  } finally {
    await channel.close();
  }
}

function describe(
  name: string,
  { version, uptimeSeconds, signed, refused, last }: JsonObject,
): string {
  const { size, unproven } = isJsonObject(last) ? last : ({} as JsonObject);
  return [
    `at ${name}, version ${said(version)}, up ${said(uptimeSeconds)} s`,
    `${said(signed)} signed, ${said(refused)} refused`,
    `remembers ${said(size)} leaves, ${said(unproven)} leases to be proven`,
  ].join('; ');
}

/** Somebody else's word: short, and plain. */
function said(value: unknown): string {
  const text = typeof value === 'string' || typeof value === 'number' ? String(value) : '?';
  return text.replaceAll(/[^ -~]/g, '?').slice(0, 40);
}
