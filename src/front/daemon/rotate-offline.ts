// Rotating a key that is lost: no daemon can open the home, and none may run.

import { systemClock } from '../../base/clock/clock.ts';
import { WarderError } from '../../base/errors/errors.ts';
import { lockHome } from '../../base/store/home-lock.ts';
import { readConfig } from '../config/config.ts';
import { checkHome, type Home } from '../config/home.ts';
import { composeRuntime } from './compose.ts';
import { type Rotated, rotateKey, type RotationRequest } from './rotate-key.ts';
import { rotateLogKey } from './rotate-log-key.ts';

/**
 * Puts another key in the place of one that signs no more. Nothing is asked of that key, and verifiers take it
 * for compromised: who lost a key cannot know where it is.
 *
 * @param role which of the two keys; the other has to sign.
 * @throws WarderError `usage` unless the key is given up; `unavailable` when a daemon holds the home, or the
 *   other key is lost as well.
 */
export async function rotateLostKey(
  home: Home,
  role: 'signing' | 'log',
  request: RotationRequest,
): Promise<Rotated> {
  if (request.compromised !== true) {
    throw new WarderError('usage', 'a key that is not asked is given up as compromised', {
      hint: 'say `--compromised` as well',
    });
  }
  checkHome(home);
  const lock = lockHome(home.root);
  try {
    const runtime = await composeRuntime(home, readConfig(home.config), systemClock, {
      lost: role,
    });
    try {
      const rotate = role === 'log' ? rotateLogKey : rotateKey;
      return await rotate(runtime, request);
    } finally {
      await runtime.close();
    }
  } finally {
    lock.release();
  }
}
