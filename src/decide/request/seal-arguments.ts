// Copies a JSON value into frozen objects without a prototype, refusing what two readers could read
// differently. Works on values of any parser: nothing of the caller's object is kept or read twice.

import type { Json, JsonObject } from '../../base/encoding/json.ts';
import { WarderError } from '../../base/errors/errors.ts';

/** Bounds of a value. */
export interface SealLimits {
  /** Most UTF-16 units in all strings and member names together. */
  readonly maxBytes: number;
  readonly maxDepth: number;
  /** Most members and items together. */
  readonly maxValues: number;
}

/**
 * A deeply frozen copy, every object with a null prototype.
 *
 * @throws WarderError `malformed` with the JSON pointer of what cannot be an argument, `limit-reached`
 *   when the value is too large.
 */
export function sealArguments(value: unknown, limits: SealLimits): JsonObject {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new WarderError('malformed', 'the arguments must be a JSON object', {
      hint: 'send members by name, e.g. `{"text":"hello"}`',
    });
  }
  return new Sealer(limits).object(value, 1);
}

class Sealer {
  readonly #limits: SealLimits;
  readonly #path: (string | number)[] = [];
  #units = 0;
  #values = 0;

  constructor(limits: SealLimits) {
    this.#limits = limits;
  }

  object(source: object, depth: number): JsonObject {
    this.#enter(depth);
    const prototype: unknown = Object.getPrototypeOf(source);
    if (prototype !== Object.prototype && prototype !== null) this.#refuse('is not a plain object');
    const copy = Object.create(null) as Record<string, Json>;
    for (const name of Object.keys(source)) {
      this.#path.push(name);
      this.#text(name);
      copy[name] = this.#value((source as Record<string, unknown>)[name], depth);
      this.#path.pop();
    }
    return Object.freeze(copy);
  }

  #array(source: readonly unknown[], depth: number): readonly Json[] {
    this.#enter(depth);
    const copy: Json[] = [];
    for (let at = 0; at < source.length; at += 1) {
      this.#path.push(at);
      copy.push(this.#value(source[at], depth));
      this.#path.pop();
    }
    return Object.freeze(copy);
  }

  #value(value: unknown, depth: number): Json {
    this.#values += 1;
    if (this.#values > this.#limits.maxValues) this.#tooLarge();
    switch (typeof value) {
      case 'string':
        return this.#text(value);
      case 'number':
        return this.#number(value);
      case 'boolean':
        return value;
      case 'object':
        if (value === null) return null;
        return Array.isArray(value) ? this.#array(value, depth + 1) : this.object(value, depth + 1);
      default:
        return this.#refuse(`is of type ${typeof value}, which JSON does not have`);
    }
  }

  #text(text: string): string {
    this.#units += text.length;
    if (this.#units > this.#limits.maxBytes) this.#tooLarge();
    if (!text.isWellFormed()) this.#refuse('holds an unpaired surrogate');
    return text;
  }

  #number(value: number): number {
    if (!Number.isFinite(value)) this.#refuse('is not a finite number');
    if (Number.isInteger(value) && !Number.isSafeInteger(value)) {
      this.#refuse('is an integer beyond 2^53');
    }
    return value === 0 ? 0 : value;
  }

  #enter(depth: number): void {
    if (depth > this.#limits.maxDepth) {
      this.#refuse(`is nested deeper than ${this.#limits.maxDepth} levels`);
    }
  }

  #tooLarge(): never {
    throw new WarderError('limit-reached', 'the arguments are too large', {
      hint: 'send less in one call; the operator sets `limits.argumentBytes` in config.json',
    });
  }

  #refuse(what: string): never {
    const pointer = this.#path
      .map((part) => `/${String(part).replaceAll('~', '~0').replaceAll('/', '~1').slice(0, 64)}`)
      .slice(0, 8)
      .join('');
    const shown = pointer.toWellFormed();
    throw new WarderError('malformed', `argument \`${shown === '' ? '/' : shown}\` ${what}`, {
      hint: 'send JSON values that every reader reads alike: finite numbers, integers within 2^53, whole characters',
      data: { path: shown },
    });
  }
}
