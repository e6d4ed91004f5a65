// A home is killed amid the signing of leases and the rotation of its keys. Every lease that was given out is in the
// log and still counts, the signer has forgotten none of them, and no head and no rotation is taken back.

import { expect, test } from 'vitest';
import { runSample, SAMPLE_TIMEOUT } from '../../soak/sample.ts';

test(
  'a lease that was given out before a kill is in the log, under whichever keys sign it then',
  async () => {
    const met = await runSample('lease-kills');
    expect(met.get('held')).toBe(2);
  },
  SAMPLE_TIMEOUT,
);
