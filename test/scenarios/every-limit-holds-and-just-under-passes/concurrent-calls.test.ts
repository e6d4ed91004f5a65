// As many calls of a tool at once as its grant says; the next one waits, it is not refused.

import { expect, test } from 'vitest';
import { openGate } from '../../fakes/gate.ts';
import { answers } from '../../fakes/runner.ts';
import { installed } from '../../support/decision.ts';
import { defaultLimits } from '../../support/sandbox.ts';

test('what changed while a call waited is what it is judged by', async () => {
  const gate = await openGate({ grant: { limits: { ...defaultLimits, concurrentCalls: 1 } } });
  const { promise, resolve } = Promise.withResolvers<void>();
  gate.runner.behaviour = () => promise.then(() => answers('done'));
  const agent = gate.connect();
  const first = agent.call({ text: 'hi' });
  await expect.poll(() => gate.runner.ran.length).toBe(1);
  const second = agent.call({ text: 'hi' });
  // It stands in line.
  await new Promise(setImmediate);
  await gate.administration.switchTool('default', installed().id, 'disable');
  resolve();
  expect(await first).toMatchObject({ kind: 'answered' });
  expect(await second).toMatchObject({ kind: 'stopped', error: { code: 'not-found' } });
  expect(gate.runner.ran).toHaveLength(1);
});

test('concurrentCalls: so many at once, the next one waits for its turn', async () => {
  const gate = await openGate({ grant: { limits: { ...defaultLimits, concurrentCalls: 2 } } });
  const open: (() => void)[] = [];
  gate.runner.behaviour = () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    open.push(resolve);
    return promise.then(() => answers('done'));
  };
  const agent = gate.connect();
  const calls = [1, 2, 3].map(() => agent.call({ text: 'hi' }));
  await expect.poll(() => open.length).toBe(2);
  expect(gate.turnstile.running).toBe(2);
  open[0]?.();
  await expect.poll(() => open.length).toBe(3);
  for (const end of open) end();
  for (const call of calls) expect(await call).toMatchObject({ kind: 'answered' });
});
