// The machine loses power at any moment. Whatever of the writes since the last sync is there, torn, late or missing,
// what was acknowledged is in the log, what was signed still holds, and the log goes on.

import { expect, test } from 'vitest';
import { runSample, SAMPLE_TIMEOUT } from '../../soak/sample.ts';

test(
  'the log a power cut leaves keeps every acknowledged receipt and every signed head',
  async () => {
    const met = await runSample('power-cuts');
    for (const loss of ['nothing unsynced', 'a beginning', 'any blocks', 'late ones first']) {
      expect(met.get(loss), loss).toBeGreaterThan(0);
    }
  },
  SAMPLE_TIMEOUT,
);

test(
  'a log that lost tiles opens with all of them, also when the power goes while they are made again',
  async () => {
    const met = await runSample('lost-tiles');
    expect(met.get('held, amid it')).toBeGreaterThan(0);
    expect(met.get('held, once they were there')).toBeGreaterThan(0);
  },
  SAMPLE_TIMEOUT,
);

test(
  'a disk that lied about what it has fools nobody who remembers a head',
  async () => {
    const met = await runSample('lying-disk');
    expect(met.get('refused')).toBeGreaterThan(0);
  },
  SAMPLE_TIMEOUT,
);
