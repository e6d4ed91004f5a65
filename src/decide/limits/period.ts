// Periods that budgets begin anew with, in UTC or in the time of a zone.

/** How long what was used counts. */
export type Period = 'minute' | 'hour' | 'day' | 'month' | 'ever';

export const periods: readonly Period[] = ['minute', 'hour', 'day', 'month', 'ever'];

/** Digits of the ISO form that name a period; calendar time, so that keys sort as time runs. */
const DIGITS: Readonly<Record<Period, number>> = {
  minute: 16,
  hour: 13,
  day: 10,
  month: 7,
  ever: 0,
};

const formats = new Map<string, Intl.DateTimeFormat>();

/** Whether this is an IANA zone, e.g. `Europe/Berlin`. */
export function isZone(zone: string): boolean {
  try {
    return formatOf(zone) !== undefined;
  } catch {
    return false;
  }
}

/**
 * The period that holds `now`: `2026-11-21T14`, `2026-11`. An hour that a clock change repeats is one
 * period: what is used in it counts together.
 *
 * @param now wall milliseconds.
 * @throws RangeError for a zone that is none.
 */
export function periodOf(period: Period, now: number, zone = 'UTC'): string {
  const iso = zone === 'UTC' ? new Date(now).toISOString() : isoIn(zone, now);
  return iso.slice(0, DIGITS[period]);
}

function isoIn(zone: string, now: number): string {
  const parts: Record<string, string> = {};
  for (const { type, value } of formatOf(zone).formatToParts(now)) parts[type] = value;
  const { year = '', month = '', day = '', hour = '', minute = '' } = parts;
  return `${year}-${month}-${day}T${hour}:${minute}`;
}

function formatOf(zone: string): Intl.DateTimeFormat {
  let format = formats.get(zone);
  if (format === undefined) {
    format = new Intl.DateTimeFormat('en-CA', {
      timeZone: zone,
      hourCycle: 'h23',
      year: 'numeric',
      month: '2-digit',
      day: '2-digit',
      hour: '2-digit',
      minute: '2-digit',
    });
    formats.set(zone, format);
  }
  return format;
}
