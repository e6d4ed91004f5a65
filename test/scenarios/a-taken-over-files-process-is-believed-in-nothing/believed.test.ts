// A files broker that was taken over and answers what it likes: what it says has the form of an answer
// or is none, and nothing it says makes an effect on a receipt that the request could not have had.

import { resolve } from 'node:path';
import { expect, it } from 'vitest';
import { canonicalJson } from '../../../src/base/encoding/jcs.ts';
import { createFiles, type FilesEffect, type FilesReply } from '../../../src/reach/files/files.ts';
import { permitFor } from '../../support/file-tree.ts';

const escaped = resolve(import.meta.dirname, '../../fixtures/brokers/escaped-files.mjs');
const fair = { ok: true, value: {}, hasBytes: true };
const effect = { kind: 'file-read', state: 'answered', count: 1, target: '/data/x', bytes: 1 };

const forged: readonly (readonly [name: string, head: unknown])[] = [
  ['nothing', {}],
  ['neither yes nor no', { ok: 'yes', value: {}, hasBytes: false }],
  ['no value', { ok: true, hasBytes: false }],
  ['a value that is a list', { ok: true, value: [], hasBytes: false }],
  ['an unknown code', { ok: false, code: 'fine', message: 'x' }],
  ['a message that is an object', { ok: false, code: 'denied', message: {} }],
  ['an unknown fault', { ok: false, code: 'denied', message: 'x', fault: 'none' }],
  ['an effect on the network', { ...fair, effect: { ...effect, kind: 'http' } }],
  ['an effect of an unknown state', { ...fair, effect: { ...effect, state: 'done' } }],
  ['an effect without a target', { ...fair, effect: { ...effect, target: 7 } }],
  ['an effect with half a character', { ...fair, effect: { ...effect, target: '\ud800' } }],
  ['an effect with less than nothing', { ...fair, effect: { ...effect, bytes: -1 } }],
  ['an effect that counts for many', { ...fair, effect: { ...effect, count: 1e9 } }],
  ['an effect with a long target', { ...fair, effect: { ...effect, target: 'x'.repeat(1e5) } }],
  ['an effect with more in it', { ...fair, effect: { ...effect, receipt: 'forged' } }],
];

it.each(forged)('%s', async (_, head) => {
  const files = createFiles({ brokerPath: escaped, deny: [] });
  const recorded: FilesEffect[] = [];
  const session = files.open(permitFor('/'), (each) => recorded.push(each));
  const text = Buffer.from(JSON.stringify(head)).toString('base64url');
  let reply: FilesReply;
  try {
    reply = await session.serve(
      { op: 'file-read', path: `/data/answer ${text}`, offset: 0, length: 1 },
      AbortSignal.timeout(5000),
    );
  } finally {
    await files.close();
  }
  if (reply.ok) expect(reply.value).toEqual({});
  else {
    expect(['denied', 'limit', 'not-found', 'invalid', 'failed']).toContain(reply.code);
    expect(typeof reply.message).toBe('string');
    expect(reply.fault).toBeUndefined();
  }
  for (const each of recorded) {
    expect(each).toEqual({
      kind: 'file-read',
      state: expect.stringMatching(/^(refused|not-sent|sent|answered)$/) as string,
      count: 1,
      target: expect.any(String) as string,
      bytes: expect.any(Number) as number,
    });
    expect(each.bytes).toBeGreaterThanOrEqual(0);
    expect(each.target.length).toBeLessThanOrEqual(2048);
    expect(each.target.isWellFormed()).toBe(true);
    // It can stand on a receipt.
    canonicalJson({ ...each });
  }
});
