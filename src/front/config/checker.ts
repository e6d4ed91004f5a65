// Narrows what a config file says, piece by piece, and collects every problem on the way.

import { isAbsolute } from 'node:path';
import { didYouMean, showText } from '../../catalog/names.ts';
import { type Capability, parseCapabilities } from '../../trust/lease/capability.ts';

/** An object of which nothing is known yet. */
export type Fields = Record<string, unknown>;

/** What is returned for a bad value is only there to go on with: use nothing when there are problems. */
export class Checker {
  readonly problems: string[] = [];

  problem(text: string): void {
    this.problems.push(text);
  }

  capabilities(json: unknown, at: string): readonly Capability[] {
    try {
      return parseCapabilities(json);
    } catch (error) {
      this.problem(`\`${at}\`: ${error instanceof Error ? error.message : String(error)}`);
      return [];
    }
  }

  object(json: unknown, at: string, known?: readonly string[]): Fields {
    if (typeof json !== 'object' || json === null || Array.isArray(json)) {
      this.problem(`\`${at === '' ? 'config' : at}\` must be an object`);
      return {};
    }
    for (const key of Object.keys(json)) {
      if (known === undefined || known.includes(key)) continue;
      const near = didYouMean(key, known);
      const remedy = near === undefined ? '' : `; did you mean \`${near}\`?`;
      this.problem(`unknown key \`${showText(at === '' ? key : `${at}.${key}`)}\`${remedy}`);
    }
    return json as Fields;
  }

  text(value: unknown, at: string): string {
    if (typeof value === 'string' && value.length > 0 && value.length <= 4096) return value;
    this.problem(`\`${at}\` must be a non-empty string`);
    return '';
  }

  absolutePath(value: unknown, at: string): string {
    const path = this.text(value, at);
    if (path !== '' && !isAbsolute(path)) this.problem(`\`${at}\` must be an absolute path`);
    return path;
  }

  texts(value: unknown, at: string): readonly string[] {
    if (Array.isArray(value) && value.every((item) => typeof item === 'string')) return value;
    this.problem(`\`${at}\` must be a list of strings`);
    return [];
  }

  absolutePaths(value: unknown, at: string): readonly string[] {
    return this.texts(value, at).map((path, index) => this.absolutePath(path, `${at}[${index}]`));
  }

  names<Name extends string>(value: unknown, at: string, known: readonly Name[]): readonly Name[] {
    return this.texts(value, at).flatMap((text) => {
      const name = known.find((each) => each === text);
      if (name !== undefined) return name;
      const near = didYouMean(text, known);
      const remedy =
        near === undefined ? `one of ${known.join(', ')}` : `did you mean \`${near}\`?`;
      this.problem(`\`${at}\` knows no \`${showText(text)}\`: ${remedy}`);
      return [];
    });
  }

  boolean(value: unknown, at: string): boolean {
    if (typeof value !== 'boolean') this.problem(`\`${at}\` must be true or false`);
    return value === true;
  }

  /** A whole number within bounds. */
  whole(value: unknown, at: string, least: number, most: number): number {
    if (typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most) {
      return value;
    }
    this.problem(`\`${at}\` must be a whole number from ${least} to ${most}`);
    return least;
  }
}
