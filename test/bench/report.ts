// How a figure is printed: one line each, value and control from the same run.

import { readFileSync } from 'node:fs';

/** Collects and prints figures; knows which ones were asked for. */
export interface Report {
  /** Whether any of these names was asked for. */
  wants(...names: readonly string[]): boolean;
  /** A figure with its control. */
  ratio(name: string, value: number, unit: string, control: string, controlValue: number): void;
  /** A figure without a control. */
  plain(name: string, value: number, unit: string): void;
}

/** Prints JSON lines with `json`, else aligned text. `filter` is a substring of names; '' is all. */
export function createReport(filter: string, json: boolean): Report {
  const print = (
    name: string,
    value: number,
    unit: string,
    control: string | null,
    controlValue: number | null,
  ): void => {
    if (!name.includes(filter)) return;
    const ratio = controlValue === null ? null : round(value / controlValue);
    const figure = {
      name,
      value: round(value),
      unit,
      control,
      controlValue: controlValue === null ? null : round(controlValue),
      ratio,
    };
    if (json) {
      process.stdout.write(`${JSON.stringify(figure)}\n`);
      return;
    }
    const against =
      control === null ? '' : `  ratio ${ratio} to ${figure.controlValue} (${control})`;
    process.stdout.write(`${name.padEnd(20)} ${figure.value} ${unit}${against}\n`);
  };
  return {
    wants: (...names) => names.some((name) => name.includes(filter)),
    ratio: print,
    plain: (name, value, unit) => print(name, value, unit, null, null),
  };
}

/** The middle value. */
export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** The value below which the share `q` of the values lies. */
export function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? Number.NaN;
}

/** Proportional set size (PSS) of a process, KiB. */
export function residentKiB(pid: number): number {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
  return Number(/^Pss:\s+(\d+) kB/m.exec(text)?.[1] ?? Number.NaN);
}

function round(value: number): number {
  return Number(value.toPrecision(4));
}
