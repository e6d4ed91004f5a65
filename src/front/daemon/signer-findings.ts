// What `warder doctor` says of a signer process.

import { isJsonObject, type JsonObject } from '../../base/encoding/json.ts';
import { asWarderError } from '../../base/errors/errors.ts';
import {
  openChannel,
  readRemoteKeys,
  type RemoteKey,
} from '../../trust/signer/remote/remote-key.ts';
import type { Config } from '../config/config.ts';
import type { Home } from '../config/home.ts';
import type { Finding } from '../console/operations.ts';
import { otherLog, signerProcessOf } from '../signing/remote-keys.ts';

const subject = 'signer process';

/** Nothing for keys that sign in the daemon. */
export async function signerFindings(home: Home, config: Config): Promise<readonly Finding[]> {
  const uri = signerProcessOf(config.logKey);
  if (uri === undefined) return [];
  const channel = openChannel(uri, home.root);
  try {
    const status = await channel.ask({ ask: 'status' });
    const { origin, keys } = await readRemoteKeys(channel);
    if (origin !== config.log.origin) throw otherLog(origin, config.log.origin);
    return [
      { subject, state: 'ok', text: describe(channel.name, isJsonObject(status) ? status : {}) },
      ...pinFindings(config, keys),
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

/** Where home and signer process are not of one mind which keys sign. */
function pinFindings(config: Config, keys: readonly RemoteKey[]): readonly Finding[] {
  return (['key', 'logKey'] as const).flatMap((member): readonly Finding[] => {
    const { kid } = config[member];
    const name = member === 'key' ? 'signing key' : 'log key';
    switch (keys.find(({ jwk }) => jwk.kid === kid)?.use) {
      case 'retired': {
        const text = `it has rotated the ${name} \`${kid}\` that the home pins`;
        const remedy =
          'the home is an older copy: find the store with all leaves; see `receipts new-log`';
        return [{ subject, state: 'problem', text, remedy }];
      }
      case 'next': {
        const text = `the ${name} \`${kid}\` is in force there with the next thing it signs`;
        return [{ subject, state: 'note', text }];
      }
      default:
        return [];
    }
  });
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
