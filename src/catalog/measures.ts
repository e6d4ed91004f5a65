// Sizes and durations as people write them: `64MiB`, `5s`.

const SIZES: ReadonlyMap<string, number> = new Map([
  ['', 1],
  ['B', 1],
  ['KiB', 1024],
  ['MiB', 1024 ** 2],
  ['GiB', 1024 ** 3],
]);
const TIMES: ReadonlyMap<string, number> = new Map([
  ['ms', 1],
  ['s', 1000],
  ['m', 60_000],
  ['h', 3_600_000],
  ['d', 86_400_000],
]);

/** Bytes of `512`, `64KiB`, `1MiB`, `2GiB`; undefined when the text is none of these. */
export function parseSize(text: string): number | undefined {
  return parse(text, SIZES);
}

/** Milliseconds of `500ms`, `5s`, `2m`, `12h`, `30d`; undefined when the text is none of these. */
export function parseDuration(text: string): number | undefined {
  return parse(text, TIMES);
}

/** A whole number such as `20`; undefined when the text is none. */
export function parseCount(text: string): number | undefined {
  return /^\d{1,9}$/.test(text) ? Number(text) : undefined;
}

function parse(text: string, units: ReadonlyMap<string, number>): number | undefined {
  const [, digits, unit] = /^(\d{1,12})([A-Za-z]*)$/.exec(text) ?? [];
  const factor = unit === undefined ? undefined : units.get(unit);
  if (digits === undefined || factor === undefined) return undefined;
  return Number(digits) * factor;
}

export function formatSize(bytes: number): string {
  return format(bytes, SIZES);
}

export function formatDuration(milliseconds: number): string {
  return format(milliseconds, TIMES);
}

function format(value: number, units: ReadonlyMap<string, number>): string {
  const fitting = [...units].filter(
    ([unit, factor]) => unit !== '' && value % factor === 0 && value >= factor,
  );
  const [unit, factor] = fitting.at(-1) ?? [...units].find(([name]) => name !== '') ?? ['', 1];
  return `${String(value / factor)} ${unit}`;
}
