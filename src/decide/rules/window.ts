// Parts of the week in the time of a zone: reading them, and whether one is open.

import type { Json } from '../../base/encoding/json.ts';
import { isZone, periodOf } from '../limits/period.ts';
import type { Fields } from './fields.ts';
import type { WindowTerms } from './rule.ts';

const DAYS = [
  'monday',
  'tuesday',
  'wednesday',
  'thursday',
  'friday',
  'saturday',
  'sunday',
] as const;
const EVERY_DAY: readonly number[] = [1, 2, 3, 4, 5, 6, 7];
const CLOCK = /^(?:([01]\d|2[0-3]):([0-5]\d)|24:00)$/;
const MIDNIGHT = 24 * 60;

/** Reads `{"days", "from", "to", "zone"}`. */
export function readWindow(fields: Fields, json: Json | undefined, path: string): WindowTerms {
  const { days, from, to, zone } = fields.object(json, path, ['days', 'from', 'to', 'zone']);
  if (days === undefined && from === undefined && to === undefined) {
    fields.problem(path, 'must have `days`, or `from` and `to`');
  }
  if ((from === undefined) !== (to === undefined)) {
    fields.problem(path, 'must have both of `from` and `to`, or neither');
  }
  if (zone !== undefined && (typeof zone !== 'string' || !isZone(zone))) {
    fields.problem(`${path}.zone`, 'must be a time zone like `Europe/Berlin`');
  }
  const start = readClock(fields, from ?? '00:00', `${path}.from`, 0);
  const end = readClock(fields, to ?? '24:00', `${path}.to`, MIDNIGHT);
  if (start === MIDNIGHT) fields.problem(`${path}.from`, 'must be before 24:00');
  if (start === end || end === 0) {
    fields.problem(`${path}.to`, 'must be another time than `from`; midnight at the end is 24:00');
  }
  return Object.freeze({
    days: days === undefined ? EVERY_DAY : readDays(fields, days, `${path}.days`),
    from: start,
    to: end,
    zone: typeof zone === 'string' ? zone : 'UTC',
  });
}

function readDays(fields: Fields, json: Json, path: string): readonly number[] {
  const rule = {
    test: (text: string) => DAYS.includes(text as (typeof DAYS)[number]),
    like: `one of ${DAYS.join(', ')}`,
  };
  const named = fields.texts(json, path, DAYS.length, rule);
  return EVERY_DAY.filter((day) => named.includes(DAYS[day - 1] ?? ''));
}

function readClock(fields: Fields, json: Json, path: string, fallback: number): number {
  const match = typeof json === 'string' ? CLOCK.exec(json) : null;
  if (match !== null) {
    const [, hours, minutes] = match;
    return hours === undefined ? MIDNIGHT : Number(hours) * 60 + Number(minutes);
  }
  fields.problem(path, 'must be a time of day like `22:00`');
  return fallback;
}

/** What a clock and a calendar on the wall show. */
export interface WallTime {
  /** 1 (Monday) to 7. */
  readonly day: number;
  /** Since midnight. */
  readonly minute: number;
}

/** The time on the wall in a zone. @param now wall milliseconds. */
export function wallTime(zone: string, now: number): WallTime {
  const [date = '', clock = ''] = periodOf('minute', now, zone).split('T');
  return {
    day: new Date(`${date}T00:00:00Z`).getUTCDay() || 7,
    minute: Number(clock.slice(0, 2)) * 60 + Number(clock.slice(3)),
  };
}

/**
 * Whether a window is open when a clock in its zone shows this. An hour that a clock change repeats is in
 * it twice; one that is left out, never.
 */
export function isOpen({ days, from, to }: WindowTerms, { day, minute }: WallTime): boolean {
  if (from < to) return days.includes(day) && minute >= from && minute < to;
  const dayBefore = day === 1 ? 7 : day - 1;
  return (days.includes(day) && minute >= from) || (days.includes(dayBefore) && minute < to);
}

/** As it is written: `Mon-Fri`-like lists spelled out, for comments. */
export function describeWindow({ days, from, to, zone }: WindowTerms): string {
  const clock = (minutes: number): string =>
    `${String(Math.floor(minutes / 60)).padStart(2, '0')}:${String(minutes % 60).padStart(2, '0')}`;
  const named = days.length === 7 ? 'every day' : days.map((day) => DAYS[day - 1]).join(', ');
  return `${named} from ${clock(from)} to ${clock(to)} ${zone}`;
}
