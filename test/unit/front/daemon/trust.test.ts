import { expect, test } from 'vitest';
import type { Runtime } from '../../../../src/front/daemon/compose.ts';
import { trustOperations } from '../../../../src/front/daemon/operations/trust.ts';
import { openGate } from '../../../fakes/gate.ts';

async function open() {
  const gate = await openGate();
  const { parts, administration, store } = gate;
  const runtime = { gate: parts, administration, store } as unknown as Runtime;
  return { gate, ...trustOperations(runtime) };
}

const desk = { principal: 'agent:desk', level: 60, capabilities: ['payments'] };

test('an entry is set, shown, listed and removed, each change with its receipt', async () => {
  const { gate, ...on } = await open();
  const set = await on['trust.set']({ ...desk, note: 'reviewed' });
  expect(set).toEqual({ ...desk, tenant: 'default', state: 'in force', note: 'reviewed' });
  expect(await on['trust.show']({ principal: 'agent:desk' })).toEqual(set);
  expect(await on['trust.list']({})).toEqual({ entries: [set] });
  expect(await on['trust.list']({ tenant: 'acme' })).toEqual({ entries: [] });
  await on['trust.remove']({ principal: 'agent:desk' });
  await expect(on['trust.remove']({ principal: 'agent:desk' })).rejects.toMatchObject({
    code: 'not-found',
  });
  const reasons = [...gate.reader.export({ type: 'policy' })].map(({ outcome }) => outcome);
  expect(reasons).toEqual(['changed', 'changed']);
});

test('what cannot be written leaves things as they were', async () => {
  const { gate, ...on } = await open();
  await on['trust.set'](desk);
  gate.store.full = true;
  await expect(on['trust.set']({ ...desk, level: 100 })).rejects.toMatchObject({
    code: 'unavailable',
  });
  gate.store.full = false;
  expect(await on['trust.show']({ principal: 'agent:desk' })).toMatchObject({ level: 60 });
});

test('an end is a duration from now, a day or a time with its zone; nothing else', async () => {
  const { gate, ...on } = await open();
  const ends = async (expires: string): Promise<string | undefined> =>
    (await on['trust.set']({ ...desk, expires })).expires;
  const now = gate.parts.now();
  expect(await ends('12h')).toBe(new Date(now + 12 * 3_600_000).toISOString());
  expect(await ends('2100-01-31')).toBe('2100-01-31T00:00:00.000Z');
  expect(await ends('2100-01-31T12:00+02:00')).toBe('2100-01-31T10:00:00.000Z');
  for (const bad of ['tomorrow', '2100-01-31T12:00', '2100-13-31', '-5s', '0', '', '1999-01-01']) {
    await expect(ends(bad)).rejects.toThrow();
  }
  await ends('30d');
  gate.clock.advance(30 * 86_400_000);
  expect(await on['trust.show']({ principal: 'agent:desk' })).toMatchObject({ state: 'ended' });
});
