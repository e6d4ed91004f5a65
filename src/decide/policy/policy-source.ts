// Reads policy files into rules, Cedar and declared ones alike: parsed one by one, each with an opaque id,
// a place and its annotations.

import { hash } from 'node:crypto';
import type { DetailedError, PolicyJson } from '@cedar-policy/cedar-wasm/nodejs';
import { canonicalJson } from '../../base/encoding/jcs.ts';
import { RuleSet } from '../rules/compile-rules.ts';
import type { Cedar } from './cedar.ts';
import { depthFault, shapeFault } from './policy-bounds.ts';

/** One file of a policy set. */
export interface PolicyFile {
  /** File name without a path, e.g. `20-approvals.cedar` or `40-payments.rules.json`. */
  readonly name: string;
  readonly text: string;
}

/** One policy of a set. */
export interface Rule {
  /** Opaque: says nothing of the policy's wording or place. What agents and receipts see. */
  readonly rule: string;
  readonly file: string;
  /** First line of the policy in its file, from 1. */
  readonly line: number;
  readonly effect: 'permit' | 'forbid';
  /** `@id`, the author's name for it; for operators only. */
  readonly id?: string;
  /** `@approval`: why a person is asked. */
  readonly approval?: string;
  /** `@approvals`: how many different persons have to say yes; one when absent. */
  readonly approvals?: number;
  /** `@hint`: what the author tells a refused agent. */
  readonly hint?: string;
  readonly text: string;
  readonly json: PolicyJson;
}

/** What reading a set of files gave. */
export interface ReadPolicies {
  readonly rules: readonly Rule[];
  /** `file:line: reason`; not empty means the set is refused. */
  readonly errors: readonly string[];
  readonly warnings: readonly string[];
  /** What declared rules ask besides Cedar. */
  readonly declared: RuleSet;
}

const MAX_BYTES = 1024 * 1024;
const MAX_RULES = 2000;
const FILE_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}\.(?:cedar|rules\.json)$/;
const ANNOTATIONS: ReadonlySet<string> = new Set(['id', 'approval', 'approvals', 'hint']);
/** How many persons a policy may ask for, as `@approvals` spells it. */
const PERSONS = /^[1-5]$/;
const MAX_ANNOTATION = 500;

const encoder = new TextEncoder();

/** Parses files. Never throws for what is in them: every fault is listed. */
export function readPolicies(cedar: Cedar, files: readonly PolicyFile[]): ReadPolicies {
  const errors: string[] = [];
  const warnings: string[] = [];
  const rules = new Map<string, Rule>();
  const declared = new RuleSet();
  const names = new Set<string>();
  let bytes = 0;
  for (const file of files) {
    if (!FILE_NAME.test(file.name)) {
      errors.push(`a policy file's name must match \`${FILE_NAME.source}\``);
      continue;
    }
    if (names.has(file.name)) errors.push(`${file.name}: there are two files of that name`);
    names.add(file.name);
    bytes += encoder.encode(file.text).length;
    if (bytes > MAX_BYTES) return failed(`the policies are longer than ${MAX_BYTES} bytes`);
    const parts = isDeclared(file)
      ? partsOfRules(declared, file, errors)
      : partsOfCedar(cedar, file, errors);
    readParts(cedar, file, parts, rules, errors, warnings);
    if (rules.size > MAX_RULES) return failed(`there are more than ${MAX_RULES} policies`);
  }
  checkIds([...rules.values()], errors);
  return { rules: [...rules.values()], errors, warnings, declared };
}

function failed(reason: string): ReadPolicies {
  return { rules: [], errors: [reason], warnings: [], declared: new RuleSet() };
}

/**
 * SHA-256 over the canonical form of the policies and rates, whatever their order, files and comments.
 * Terms that Cedar names by id are in it too: an id is a digest of what it stands for.
 */
export function policyDigest({
  rules,
  declared,
}: Pick<ReadPolicies, 'rules' | 'declared'>): string {
  const policies = rules.map(({ json }) => canonicalJson(json));
  const rates = declared.rates.map((rate) => canonicalJson({ rate: rate.terms }));
  return hash('sha256', canonicalJson([...policies, ...rates].sort()), 'hex');
}

/** `file:line` of a place that Cedar gave as a byte offset. */
export function placeOf(file: PolicyFile, error: DetailedError): string {
  const start = error.sourceLocations?.[0]?.start;
  if (start === undefined) return file.name;
  const before = encoder.encode(file.text).subarray(0, start);
  return `${file.name}:${1 + before.reduce((lines, byte) => lines + (byte === 0x0a ? 1 : 0), 0)}`;
}

/** One line for a Cedar error. */
export function reasonOf(error: DetailedError): string {
  const label = error.sourceLocations?.[0]?.label;
  const parts = [error.message, label ?? undefined, error.help ?? undefined];
  return parts.filter((part) => part !== undefined && part !== '').join('; ');
}

/** Whether it holds declared rules; `decide/rules` makes Cedar of them. */
export function isDeclared({ name }: Pick<PolicyFile, 'name'>): boolean {
  return name.endsWith('.rules.json');
}

/** Whether a file of that name belongs to a policy. */
export function isPolicyFile(name: string): boolean {
  return name.endsWith('.cedar') || isDeclared({ name });
}

/** The text of one policy and the line it starts in. */
interface Part {
  readonly line: number;
  readonly text: string;
}

function partsOfRules(declared: RuleSet, file: PolicyFile, errors: string[]): readonly Part[] {
  const { policies, faults } = declared.add(file.name, file.text);
  errors.push(...faults);
  return policies;
}

function partsOfCedar(cedar: Cedar, file: PolicyFile, errors: string[]): readonly Part[] {
  if (!file.text.isWellFormed()) {
    errors.push(`${file.name}: not well-formed Unicode`);
    return [];
  }
  const shape = shapeFault(file.text);
  if (shape !== undefined) {
    errors.push(`${file.name}:${shape.line}: ${shape.reason}`);
    return [];
  }
  const parts = cedar.policySetTextToParts(file.text);
  if (parts.type === 'failure') {
    for (const error of parts.errors) errors.push(`${placeOf(file, error)}: ${reasonOf(error)}`);
    return [];
  }
  if (parts.policy_templates.length > 0) {
    errors.push(`${file.name}: templates (\`?principal\`, \`?resource\`) are not supported`);
  }
  const seen = new Map<string, number>();
  return parts.policies.map((text) => {
    const from = file.text.indexOf(text, seen.get(text) ?? 0);
    seen.set(text, from + 1);
    return { line: from < 0 ? 1 : file.text.slice(0, from).split('\n').length, text };
  });
}

function readParts(
  cedar: Cedar,
  file: PolicyFile,
  parts: readonly Part[],
  rules: Map<string, Rule>,
  errors: string[],
  warnings: string[],
): void {
  const found: Rule[] = [];
  for (const { line, text } of parts) {
    const read = cedar.policyToJson(text);
    if (read.type === 'failure') {
      errors.push(`${file.name}:${line}: ${read.errors.map(reasonOf).join('; ')}`);
      continue;
    }
    const depth = depthFault(read.json);
    if (depth === undefined) found.push(ruleOf(file.name, line, text, read.json));
    else errors.push(`${file.name}:${line}: ${depth}`);
  }
  found.sort((a, b) => a.line - b.line);
  for (const rule of found) {
    checkAnnotations(rule, errors, warnings);
    const twin = rules.get(rule.rule);
    if (twin === undefined) rules.set(rule.rule, rule);
    else warnings.push(`${placeOfRule(rule)}: the same policy stands at ${placeOfRule(twin)}`);
  }
}

/** `file:line` of a rule. */
export function placeOfRule(rule: Rule): string {
  return `${rule.file}:${rule.line}`;
}

/** How many different persons these policies ask for together: the highest counts. */
export function personsOf(rules: readonly Rule[]): number {
  return Math.max(1, ...rules.map(({ approvals = 1 }) => approvals));
}

function ruleOf(file: string, line: number, text: string, json: PolicyJson): Rule {
  const { id, approval, approvals, hint } = (json.annotations ?? {}) as Readonly<
    Record<string, string | null | undefined>
  >;
  return Object.freeze({
    rule: `rule_${hash('sha256', canonicalJson(json), 'hex').slice(0, 16)}`,
    file,
    line,
    effect: json.effect,
    // An annotation without a value reads as empty.
    ...(id === undefined ? {} : { id: id ?? '' }),
    ...(approval === undefined ? {} : { approval: approval ?? '' }),
    // A malformed number is an error of the set: nothing is decided with it.
    ...(approvals === undefined ? {} : { approvals: Number(approvals) }),
    ...(hint === undefined ? {} : { hint: hint ?? '' }),
    text,
    json,
  });
}

function checkAnnotations(rule: Rule, errors: string[], warnings: string[]): void {
  const place = placeOfRule(rule);
  for (const [name, value] of Object.entries(rule.json.annotations ?? {}) as [
    string,
    string | null,
  ][]) {
    if (!ANNOTATIONS.has(name)) {
      const known = [...ANNOTATIONS].map((each) => `@${each}`).join(', ');
      warnings.push(`${place}: \`@${name}\` means nothing here; known are ${known}`);
    } else if (value === null || value.trim() === '') {
      errors.push(`${place}: \`@${name}\` needs a text, as in \`@${name}("...")\``);
    } else if (value.length > MAX_ANNOTATION) {
      errors.push(`${place}: \`@${name}\` is longer than ${MAX_ANNOTATION} characters`);
    } else if (name === 'approvals' && !PERSONS.test(value)) {
      errors.push(`${place}: \`@approvals\` is a number of persons, \`"1"\` to \`"5"\``);
    }
  }
  if (rule.approvals !== undefined && rule.approval === undefined) {
    errors.push(
      `${place}: \`@approvals\` counts who must say yes: it needs \`@approval("reason")\``,
    );
  }
  if (rule.approval !== undefined && rule.effect === 'permit') {
    errors.push(
      `${place}: \`@approval\` belongs on a \`forbid\` with \`unless { context.approved }\``,
    );
  }
}

function checkIds(rules: readonly Rule[], errors: string[]): void {
  const byId = new Map<string, Rule>();
  for (const rule of rules) {
    if (rule.id === undefined) continue;
    const twin = byId.get(rule.id);
    if (twin === undefined) byId.set(rule.id, rule);
    else errors.push(`${placeOfRule(rule)}: \`@id\` is used at ${placeOfRule(twin)} already`);
  }
}
