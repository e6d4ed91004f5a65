// System calls fail, or the disk is full. What was acknowledged is in the log; what was not was refused, with the
// remedy; and it goes on by itself.

import { expect, test } from 'vitest';
import { canMount } from '../../soak/full-disk.ts';
import { runSample, SAMPLE_TIMEOUT } from '../../soak/sample.ts';

test(
  'one system call that fails or kills costs no acknowledged receipt and no signed head',
  async () => {
    const met = await runSample('faults');
    expect(met.get('refused, and went on')).toBeGreaterThan(0);
    expect(met.get('killed, and held')).toBeGreaterThan(0);
  },
  SAMPLE_TIMEOUT,
);

test(
  'one that fails or kills while lost tiles are made again keeps nothing from being opened after it',
  async () => {
    const met = await runSample('lost-tile-faults');
    expect(met.size).toBeGreaterThan(0);
  },
  SAMPLE_TIMEOUT,
);

test(
  'a full disk is a refusal, and room is all that is needed to go on',
  async ({ skip }) => {
    if (!canMount()) skip('neither root nor a user namespace may mount a small disk here');
    const met = await runSample('full-disk');
    expect(met.get('refused')).toBeGreaterThan(0);
    expect(met.get('acknowledged')).toBeGreaterThan(0);
  },
  SAMPLE_TIMEOUT,
);
