import { describe, expect, it } from 'vitest';
import { Fields } from '../../../../src/decide/rules/fields.ts';
import { isOpen, readWindow, wallTime } from '../../../../src/decide/rules/window.ts';

function openAt(window: Record<string, unknown>, time: string): boolean {
  const fields = new Fields();
  const read = readWindow(fields, window as never, 'when');
  expect(fields.problems).toEqual([]);
  return isOpen(read, wallTime(read.zone, Date.parse(time)));
}

describe('a window', () => {
  const night = { from: '22:00', to: '06:00', zone: 'Europe/Berlin' };

  it.each([
    ['2026-01-15T20:59:00Z', false],
    ['2026-01-15T21:00:00Z', true],
    ['2026-01-16T04:59:59Z', true],
    ['2026-01-16T05:00:00Z', false],
    // In summer the zone is an hour further.
    ['2026-07-15T20:00:00Z', true],
    ['2026-07-16T04:00:00Z', false],
  ])('overnight in Berlin, %s: %s', (time, open) => {
    expect(openAt(night, time)).toBe(open);
  });

  it('overnight belongs to the day it starts on', () => {
    const friday = { ...night, days: ['friday'] };
    // 2026-01-16 is a Friday.
    expect(openAt(friday, '2026-01-16T03:00:00Z')).toBe(false);
    expect(openAt(friday, '2026-01-16T22:00:00Z')).toBe(true);
    expect(openAt(friday, '2026-01-17T03:00:00Z')).toBe(true);
    expect(openAt(friday, '2026-01-17T22:00:00Z')).toBe(false);
    const sunday = { ...night, days: ['sunday'] };
    expect(openAt(sunday, '2026-01-19T03:00:00Z')).toBe(true);
  });

  it('of a time that a clock change leaves out never opens that day', () => {
    const gap = { from: '02:15', to: '02:45', zone: 'Europe/Berlin' };
    expect(openAt(gap, '2026-03-29T00:59:00Z')).toBe(false);
    expect(openAt(gap, '2026-03-29T01:00:00Z')).toBe(false);
    expect(openAt(gap, '2026-03-29T01:30:00Z')).toBe(false);
    expect(openAt(gap, '2026-03-30T00:30:00Z')).toBe(true);
  });

  it('of an hour that a clock change repeats is open twice', () => {
    const hour = { from: '02:00', to: '03:00', zone: 'Europe/Berlin' };
    expect(openAt(hour, '2026-10-25T00:30:00Z')).toBe(true);
    expect(openAt(hour, '2026-10-25T01:30:00Z')).toBe(true);
    expect(openAt(hour, '2026-10-25T02:00:00Z')).toBe(false);
  });

  it('goes by the days of its zone, and to the end of the day', () => {
    const monday = { days: ['monday'], zone: 'Pacific/Auckland' };
    expect(openAt(monday, '2026-01-18T11:00:00Z')).toBe(true);
    expect(openAt(monday, '2026-01-19T10:59:59Z')).toBe(true);
    expect(openAt(monday, '2026-01-19T11:00:00Z')).toBe(false);
    expect(openAt({ from: '23:00', to: '24:00' }, '2026-01-19T23:59:59Z')).toBe(true);
    expect(openAt({ from: '23:00', to: '24:00' }, '2026-01-19T00:00:00Z')).toBe(false);
  });
});
