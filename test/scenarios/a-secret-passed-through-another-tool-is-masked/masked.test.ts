// A tool that may send no secret gives one out: another tool's, which it was handed. It is masked like its
// own would be, but the tool is not to blame and stays in service.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { openGate } from '../../fakes/gate.ts';
import { answers } from '../../fakes/runner.ts';

const VALUE = 'Qx7Lm2Zt8Rb1Vn6Kc3Wd4f9';
const keys = mkdtempSync(join(tmpdir(), 'warder-keys-'));
afterAll(() => rmSync(keys, { recursive: true, force: true }));

test('masked, counted, and no quarantine', async () => {
  const gate = await openGate({ keys });
  await gate.administration.setSecret('default', 'API_KEY', Buffer.from(VALUE), 'set');
  const encoded = Buffer.from(`key=${VALUE}`).toString('base64');
  gate.runner.behaviour = () =>
    answers(`take ${VALUE}`, { structuredContent: { a: encoded, b: 'plain' } });
  const lines: string[] = [];
  const agent = gate.connect();
  const answer = await agent.call({ text: 'x' }, { onLog: (_, line) => lines.push(line) });
  expect(answer).toMatchObject({
    answer: {
      content: [{ text: `take ${'*'.repeat(VALUE.length)}` }],
      structuredContent: { b: 'plain' },
    },
    provenance: { masked: 2 },
  });
  const everything = JSON.stringify([answer, [...gate.reader.export({})]]);
  expect(everything).not.toContain(VALUE);
  expect(everything).not.toContain(encoded);
  expect(gate.parts.catalog.list('default')[0]?.enabled).toBe(true);
  // Another tenant's secrets are not this one's business.
  await gate.administration.setSecret(
    'other',
    'OTHER',
    Buffer.from('Hn4Wm2Kx9Zt5Vb8Rc1Ld6Fs'),
    'set',
  );
  gate.runner.behaviour = () => answers('Hn4Wm2Kx9Zt5Vb8Rc1Ld6Fs');
  expect(await agent.call({ text: 'y' })).toMatchObject({ provenance: { untrusted: true } });
});
