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
  test('as many at once as its grant says; other tools and tenants do not wait for them', async () => {
    const turnstile = new Turnstile(100, 100);
    const one = await turnstile.enterTool('t', tool(2), from('a'));
    await turnstile.enterTool('t', tool(2), from('a'));
    let third = false;
    const waits = turnstile.enterTool('t', tool(2), from('a')).then(() => (third = true));
    expect((await turnstile.enterTool('t', tool(2, 'inst_2'), from('a'))).waited).toBe(false);
    expect((await turnstile.enterTool('other', tool(2), from('a'))).waited).toBe(false);
    expect(third).toBe(false);
    one.leave();
    await waits;
  });

  test('a grant that is raised lets in those who wait, one that is lowered nobody', async () => {
    const turnstile = new Turnstile(100, 100);
    const seats = [await turnstile.enterTool('t', tool(1), from('a'))];
    const waiting = [1, 2].map(() => turnstile.enterTool('t', tool(1), from('a')));
    expect((await turnstile.enterTool('t', tool(4), from('a'))).waited).toBe(false);
    seats.push(...(await Promise.all(waiting)));
    const lowered = turnstile.enterTool('t', tool(1), from('a'));
    let inside = false;
    void lowered.then(() => (inside = true));
    for (const { leave } of seats) {
      leave();
      await Promise.resolve();
      expect(inside).toBe(false);
    }
  });

  test('its line is short: it cannot take the places of all the others', async () => {
    const turnstile = new Turnstile(8, 100);
    await turnstile.enterTool('t', tool(1), from('a'));
    const waiting = [1, 2, 3].map(() => turnstile.enterTool('t', tool(1), from('a')));
    await expect(waiting[2]).rejects.toMatchObject({
      code: 'limit-reached',
      hint: expect.stringContaining('--max-concurrent'),
    });
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
