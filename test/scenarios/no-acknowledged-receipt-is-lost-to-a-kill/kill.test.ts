// The daemon is killed at any moment. What was acknowledged is in the log, what was signed still holds.

import { expect, test } from 'vitest';
import { runSample, SAMPLE_TIMEOUT } from '../../soak/sample.ts';

test(
  'killed again and again, the log keeps every acknowledged receipt and every signed head',
  async () => {
    const met = await runSample('kills');
    expect(met.get('killed while it worked')).toBeGreaterThan(5);
  },
  SAMPLE_TIMEOUT,
);
