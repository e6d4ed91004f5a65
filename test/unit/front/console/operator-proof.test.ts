import { beforeEach, describe, expect, it } from 'vitest';
import { needsProof, ProofDesk } from '../../../../src/front/console/operator-proof.ts';

const RIGHT = 'four words of alice';
let now: number;
let refused: number;
let checked: number;
let desk: ProofDesk;

beforeEach(() => {
  [now, refused, checked] = [0, 0, 0];
  desk = new ProofDesk({
    check: (passphrase) => {
      checked += 1;
      return Promise.resolve(passphrase === RIGHT);
    },
    monotonic: () => now,
    refused: () => {
      refused += 1;
      return Promise.resolve();
    },
  });
});

const required = expect.objectContaining({ code: 'proof-required' });
const wrong = (): Promise<unknown> => expect(desk.prove({}, 'no')).rejects.toEqual(required);

describe('a proof', () => {
  it('is for one connection', async () => {
    const [one, other] = [{}, {}];
    expect(() => desk.demand(one, 'policy.set')).toThrow(required);
    expect(await desk.prove(one, RIGHT)).toEqual({ validSeconds: 300 });
    expect(() => desk.demand(one, 'policy.set')).not.toThrow();
    expect(() => desk.demand(other, 'policy.set')).toThrow(required);
  });

  it('holds for five minutes', async () => {
    const one = {};
    await desk.prove(one, RIGHT);
    now = 299_999;
    expect(() => desk.demand(one, 'stop')).not.toThrow();
    now = 300_000;
    expect(() => desk.demand(one, 'stop')).toThrow(required);
  });

  it('is not needed to look', () => {
    expect(() => desk.demand({}, 'approvals.list')).not.toThrow();
    expect(() => desk.demand({}, 'receipts.follow')).not.toThrow();
  });

  it('is not given for a wrong passphrase, which is recorded', async () => {
    const one = {};
    await expect(desk.prove(one, 'no')).rejects.toEqual(required);
    expect(() => desk.demand(one, 'stop')).toThrow(required);
    expect(refused).toBe(1);
  });

  it('is not given when the wrong answer cannot be recorded', async () => {
    const broken = new ProofDesk({
      check: () => Promise.resolve(false),
      monotonic: () => 0,
      refused: () => Promise.reject(new Error('disk full')),
    });
    const one = {};
    await expect(broken.prove(one, 'no')).rejects.toThrow('disk full');
    expect(() => broken.demand(one, 'stop')).toThrow(required);
  });

  it('is asked for ever more slowly after wrong ones, the right one included', async () => {
    for (let tries = 0; tries < 3; tries += 1) await wrong();
    const limited = expect.objectContaining({ code: 'limit-reached' });
    await expect(desk.prove({}, RIGHT)).rejects.toEqual(limited);
    expect(checked).toBe(3);
    now = 1000;
    await wrong();
    now = 2999;
    await expect(desk.prove({}, RIGHT)).rejects.toEqual(limited);
    now = 3000;
    await desk.prove({}, RIGHT);
    await wrong();
    await desk.prove({}, RIGHT);
  });

  it('waits no longer than five minutes', async () => {
    for (let tries = 0; tries < 40; tries += 1) {
      await wrong();
      now += 300_000;
    }
    await desk.prove({}, RIGHT);
  });

  it('is judged one at a time, and few wait', async () => {
    const settled = await Promise.allSettled(
      Array.from({ length: 50 }, () => desk.prove({}, 'no')),
    );
    expect(settled.every(({ status }) => status === 'rejected')).toBe(true);
    expect(checked).toBe(3);
  });
});

describe('what needs one', () => {
  it.each([
    'stop',
    'call',
    'approvals.approve',
    'approvals.deny',
    'policy.set',
    'tool.add',
    'tool.grant',
    'tool.enable',
    'tool.disable',
    'tool.remove',
    'secret.set',
    'secret.rotate',
    'secret.remove',
    'budget.set',
    'budget.remove',
    'trust.set',
    'trust.remove',
    'keys.create',
    'keys.rotate',
    'lease.revoke',
  ] as const)('%s', (operation) => {
    expect(needsProof(operation)).toBe(true);
  });

  it('whatever nobody has said of that it only looks', () => {
    expect(needsProof('something.new' as never)).toBe(true);
    expect(needsProof('constructor' as never)).toBe(true);
  });
});
