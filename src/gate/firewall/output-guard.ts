// What leaves one call, in order: secrets are masked, what is not among the output paths is removed, and
// the operator's patterns are masked in the rest. Masking is best effort, never a boundary.

import { canonicalJson } from '../../base/encoding/jcs.ts';
import type { Permit } from '../../decide/policy/permit.ts';
import { Redactor } from '../../reach/vault/redactor.ts';
import type { Vault } from '../../reach/vault/vault.ts';
import type { ToolAnswer, ToolContent } from '../../run/sandbox/runner.ts';
import type { OutputPaths } from './output-paths.ts';
import type { OutputCount } from './provenance.ts';
import type { RedactionRun } from './redaction.ts';

/** What stands for what a tool says in its own words, when only listed parts of its answers are given. */
const UNLISTED = 'what the tool said is not among the parts of its answers that are given';

export interface GuardParts {
  readonly vault: Vault;
  readonly permit: Permit;
  readonly patterns: RedactionRun;
  /** Absent: all of an answer is given. */
  readonly paths?: OutputPaths;
}

/** Guards the output of one call. */
export class OutputGuard {
  readonly #parts: GuardParts;
  /** Secrets this call may send, as they were when it began. */
  readonly #atStart: readonly Uint8Array[];
  readonly #duringRun: Redactor;
  /** Every secret of the tenant: another tool's may be passed through this one. */
  readonly #others: Redactor | undefined;
  #atEnd: Redactor | undefined;
  #removed = 0;

  constructor(parts: GuardParts) {
    const { vault, permit } = parts;
    this.#parts = parts;
    this.#atStart = permit.terms.secrets.length === 0 ? [] : vault.toMask(permit);
    this.#duringRun = new Redactor(this.#atStart);
    this.#others = vault.redactor(permit.terms.tenant);
  }

  /** How often a secret was masked that the tool may only have sent. */
  get ownSecrets(): number {
    const atEnd = this.#atEnd === this.#duringRun ? 0 : (this.#atEnd?.hits ?? 0);
    return this.#duringRun.hits + atEnd;
  }

  get count(): OutputCount {
    const others = (this.#others?.hits ?? 0) + this.#parts.patterns.hits;
    return { removed: this.#removed, masked: this.ownSecrets + others };
  }

  /** A line as it may be shown; undefined when the tool's own words are not. */
  logLine(message: string): string | undefined {
    if (this.#parts.paths !== undefined) return undefined;
    return this.#patterned(this.#duringRun.text(message));
  }

  /** The end of a call without an answer; `told` is what stands there when the tool's words are not given. */
  reason(message: string, told?: string): string {
    const masked = this.text(message);
    return this.#parts.paths === undefined || told === undefined ? masked : told;
  }

  text(text: string): string {
    return this.#patterned(this.#masksAtEnd().text(text));
  }

  answer(answer: ToolAnswer): ToolAnswer {
    const { paths, patterns } = this.#parts;
    const masked = this.#masksAtEnd().json(answer);
    const listed = paths === undefined ? masked : this.#listed(paths, masked);
    const { structuredContent, content, isError } =
      this.#others === undefined ? listed : this.#others.json(listed);
    return {
      // Patterns are for texts: in the bytes of a picture they would match by chance.
      content: content.map((item) =>
        item.type === 'text' ? { ...item, text: patterns.text(item.text) } : item,
      ),
      ...(structuredContent === undefined
        ? {}
        : { structuredContent: patterns.json(structuredContent) }),
      isError,
    };
  }

  /** The text of what is left stands for all content: what tools say twice would leave otherwise. */
  #listed(paths: OutputPaths, { structuredContent, content, isError }: ToolAnswer): ToolAnswer {
    const { value, removed } = paths.apply(structuredContent);
    const text = isError && value === undefined ? UNLISTED : canonicalJson(value ?? {});
    const given: ToolContent = { type: 'text', text };
    this.#removed += removed + (structuredContent === undefined ? content.length : 0);
    return {
      content: [given],
      ...(value === undefined ? {} : { structuredContent: value }),
      isError,
    };
  }

  #patterned(text: string): string {
    return this.#parts.patterns.text(this.#others?.text(text) ?? text);
  }

  /** Knows the values of the end as well: one may have been rotated while the call ran. */
  #masksAtEnd(): Redactor {
    const { vault, permit } = this.#parts;
    this.#atEnd ??=
      permit.terms.secrets.length === 0
        ? this.#duringRun
        : new Redactor([...this.#atStart, ...vault.toMask(permit)]);
    return this.#atEnd;
  }
}
