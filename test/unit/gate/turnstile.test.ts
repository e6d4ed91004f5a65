// Places for calls: bounded in all and per tool, handed out in turn, refused when the line is full.

import { describe, expect, test } from 'vitest';
import { defaultLimits, emptyGrant } from '../../../src/catalog/grant.ts';
import type { Installation } from '../../../src/catalog/installation.ts';
import { Ticket, Turnstile } from '../../../src/gate/turnstile.ts';
import { installed } from '../../support/decision.ts';

const from = (lane: string, signal?: AbortSignal) => ({ lane, signal });
const tool = (concurrentCalls: number, id = 'inst_1'): Installation => ({
  ...installed(),
  id,
  grant: { ...emptyGrant, limits: { ...defaultLimits, concurrentCalls } },
});

/** Notes the order in which calls come in. */
function order() {
  const names: string[] = [];
  return { names, note: (name: string) => (): unknown => names.push(name) };
}

describe('all calls', () => {
  test('so many at once, the others in turn, one principal after the other', async () => {
    const turnstile = new Turnstile(1, 10);
    const { names, note } = order();
    expect(await turnstile.enter(from('greedy'))).toBe(false);
    const waiting = [
      ...['g1', 'g2', 'g3'].map((name) => turnstile.enter(from('greedy')).then(note(name))),
      turnstile.enter(from('modest')).then(note('m1')),
    ];
    for (let left = waiting.length; left > 0; left -= 1) {
      turnstile.leave();
      await expect.poll(() => names.length).toBe(waiting.length - left + 1);
      expect(turnstile.running).toBe(1);
    }
    expect(names).toEqual(['g1', 'm1', 'g2', 'g3']);
    turnstile.leave();
    expect([turnstile.running, turnstile.served]).toEqual([0, 5]);
  });

  test('a full line: who has most in it gives up the last, the newcomer stays', async () => {
    const turnstile = new Turnstile(1, 2);
    await turnstile.enter(from('greedy'));
    const [first, last] = [turnstile.enter(from('greedy')), turnstile.enter(from('greedy'))];
    const modest = turnstile.enter(from('modest'));
    await expect(last).rejects.toMatchObject({ code: 'limit-reached' });
    await expect(turnstile.enter(from('greedy'))).rejects.toMatchObject({ code: 'limit-reached' });
    turnstile.leave();
    expect(await first).toBe(true);
    turnstile.leave();
    expect(await modest).toBe(true);
  });

  test('who leaves the line takes no place with it', async () => {
    const turnstile = new Turnstile(1, 10);
    await turnstile.enter(from('a'));
    const stop = new AbortController();
    const left = turnstile.enter(from('a', stop.signal));
    const stays = turnstile.enter(from('a'));
    stop.abort();
    await expect(left).rejects.toMatchObject({ code: 'cancelled' });
    turnstile.leave();
    expect(await stays).toBe(true);
    expect(turnstile.running).toBe(1);
    await expect(turnstile.enter(from('a', AbortSignal.abort()))).rejects.toMatchObject({
      code: 'cancelled',
    });
  });
});

describe('calls of one tool', () => {
  /** A call that came in and asks for a seat. */
  async function call(turnstile: Turnstile, installation: Installation, tenant = 't') {
    const ticket = new Ticket(turnstile, from('a'));
    await ticket.admitted();
    const seated = ticket.seated(tenant, installation);
    return { seated, end: (): void => ticket[Symbol.dispose]() };
  }

  test('as many at once as its grant says; other tools and tenants do not wait for them', async () => {
    const turnstile = new Turnstile(100, 100);
    const [one, , third] = [1, 2, 3].map(() => call(turnstile, tool(2)));
    expect(await (await call(turnstile, tool(2, 'inst_2'))).seated).toBe(false);
    expect(await (await call(turnstile, tool(2), 'other')).seated).toBe(false);
    let entered = false;
    const waiting = (await third)?.seated.then((waited) => (entered = waited));
    await Promise.resolve();
    expect(entered).toBe(false);
    (await one)?.end();
    await waiting;
    expect(entered).toBe(true);
  });

  test('who waits for a tool keeps no other call from its place', async () => {
    const turnstile = new Turnstile(2, 100);
    const first = await call(turnstile, tool(1));
    await first.seated;
    const waiting = [];
    for (let count = 0; count < 5; count += 1) waiting.push(await call(turnstile, tool(1)));
    expect(turnstile.running).toBe(1);
    expect(await (await call(turnstile, tool(1, 'inst_2'))).seated).toBe(false);
    expect(turnstile.running).toBe(2);
    first.end();
    for (const each of waiting) {
      expect(await each.seated).toBe(true);
      expect(turnstile.running).toBe(2);
      each.end();
    }
    expect(turnstile.running).toBe(1);
  });

  test('a grant that is raised lets in those who wait, one that is lowered nobody', async () => {
    const turnstile = new Turnstile(100, 100);
    const first = await call(turnstile, tool(1));
    const waiting = [await call(turnstile, tool(1)), await call(turnstile, tool(1))];
    const raising = await call(turnstile, tool(4));
    expect(await raising.seated).toBe(false);
    for (const each of waiting) expect(await each.seated).toBe(true);
    const lowering = await call(turnstile, tool(1));
    let inside = false;
    void lowering.seated.then(() => (inside = true));
    for (const each of [first, raising, ...waiting]) {
      expect(inside).toBe(false);
      each.end();
      await new Promise(setImmediate);
    }
    expect(inside).toBe(true);
  });

  test('its line is half of all; who is refused gives back what it had', async () => {
    const turnstile = new Turnstile(8, 4);
    const first = await call(turnstile, tool(1));
    const waiting = [];
    for (let count = 0; count < 2; count += 1) waiting.push(await call(turnstile, tool(1)));
    const last = await call(turnstile, tool(1));
    await expect(last.seated).rejects.toMatchObject({
      code: 'limit-reached',
      hint: expect.stringContaining('--max-concurrent'),
    });
    last.end();
    first.end();
    for (const each of waiting) {
      await each.seated;
      each.end();
    }
    expect(turnstile.running).toBe(0);
    const again = await call(turnstile, tool(1));
    expect(await again.seated).toBe(false);
  });

  test('those that wait for all tools together are bounded as well', async () => {
    const turnstile = new Turnstile(8, 2);
    for (const id of ['inst_1', 'inst_2', 'inst_3']) await call(turnstile, tool(1, id));
    for (const id of ['inst_1', 'inst_2']) await call(turnstile, tool(1, id));
    const last = await call(turnstile, tool(1, 'inst_3'));
    await expect(last.seated).rejects.toMatchObject({ code: 'limit-reached' });
  });

  test('who is withdrawn while it waits takes no seat with it', async () => {
    const turnstile = new Turnstile(8, 8);
    const first = await call(turnstile, tool(1));
    const stop = new AbortController();
    using ticket = new Ticket(turnstile, from('a', stop.signal));
    await ticket.admitted();
    const seated = ticket.seated('t', tool(1));
    stop.abort();
    await expect(seated).rejects.toMatchObject({ code: 'cancelled' });
    first.end();
    expect(await (await call(turnstile, tool(1))).seated).toBe(false);
  });
});

test('a ticket gives back what it took, once, and nothing else', async () => {
  const turnstile = new Turnstile(1, 0);
  {
    using ticket = new Ticket(turnstile, from('a'));
    expect(await ticket.admitted()).toBe(false);
    expect(await ticket.seated('t', tool(1))).toBe(false);
    using other = new Ticket(turnstile, from('b'));
    await expect(other.admitted()).rejects.toMatchObject({ code: 'limit-reached' });
  }
  expect(turnstile.running).toBe(0);
  using again = new Ticket(turnstile, from('a'));
  expect(await again.admitted()).toBe(false);
  expect(await again.seated('t', tool(1))).toBe(false);
});
