// Reads a `.rules.json` file strictly: whatever is misspelt, empty or says nothing is a fault with its line.
// `rules.schema.json` says the form to editors.

import type { Json, JsonObject } from '../../base/encoding/json.ts';
import { type SubjectField, subjectFields } from '../limits/budget.ts';
import { isZone } from '../limits/period.ts';
import { readCeiling } from './ceiling.ts';
import { Fields, isPlain } from './fields.ts';
import type {
  DeclaredRule,
  Kind,
  RateTerms,
  RuleEffect,
  RuleSubject,
  Selector,
  SelectorField,
  Terms,
  TrustTerms,
} from './rule.ts';
import { readRuleText, type RuleText } from './rule-text.ts';
import { readWindow } from './window.ts';

/** What reading a file gave. */
export interface ReadRules {
  readonly rules: readonly DeclaredRule[];
  /** Not empty means the file is refused. */
  readonly faults: readonly { readonly line: number; readonly reason: string }[];
}

const RULES_MAX = 500;
/** As `@approvals` has it. */
const PERSONS_MAX = 5;
const NAMES_MAX = 64;
const FAULTS_MAX = 50;
const WORDS_MAX = 500;

const EFFECTS: readonly RuleEffect[] = ['allow', 'require-approval', 'deny', 'limit'];
const SUBJECTS: readonly RuleSubject[] = ['calls', 'leases', 'both'];
const KINDS: readonly Kind[] = [
  'tool.call',
  'fs.read',
  'fs.write',
  'http.call',
  'spend',
  'credential',
  'kv',
  'lease.refresh',
];
/** What may stand in each list. */
const NAMES: Readonly<Record<Exclude<SelectorField, 'kinds'>, readonly [RegExp, string]>> = {
  agents: [/^[a-z0-9*-]{1,32}$/, 'the name of an agent, in which `*` may stand for any text'],
  principals: [/^[^]{1,256}$/, 'a principal, in which `*` may stand for any text'],
  tenants: [/^[a-z0-9*-]{1,32}$/, 'a tenant, in which `*` may stand for any text'],
  tools: [/^[A-Za-z0-9_./*-]{1,64}$/, 'the name of a tool, in which `*` may stand for any text'],
  installations: [/^[a-z0-9*-]{1,40}$/, 'the name of an installation, `*` for any text'],
  categories: [/^[a-z0-9*-]{1,40}$/, 'a category, in which `*` may stand for any text'],
  credentials: [/^[A-Za-z0-9_.*-]{1,128}$/, 'the name of a secret, `*` for any text'],
};
const SELECTORS = [...Object.keys(NAMES), 'kinds'] as readonly SelectorField[];

const MEMBERS = [
  'name',
  'effect',
  'applies',
  'reason',
  'hint',
  'approvals',
  ...SELECTORS,
  'when',
  'ceiling',
  'seconds',
  'trust',
  'unless',
  'rate',
];
/** Members that mean something only with some effects. */
const OF_EFFECT: Readonly<Record<string, { only: readonly RuleEffect[]; else: string }>> = {
  reason: { only: ['require-approval'], else: 'nobody is asked: write a comment instead' },
  approvals: { only: ['require-approval'], else: 'nobody is asked' },
  hint: { only: ['require-approval', 'deny'], else: 'this rule refuses nothing' },
  ceiling: { only: ['allow', 'require-approval'], else: 'put it into `unless`' },
  seconds: { only: ['allow', 'require-approval'], else: 'put it into `unless`' },
  trust: { only: ['allow', 'require-approval'], else: 'put it into `unless`' },
  unless: {
    only: ['require-approval', 'deny'],
    else: 'what a rule allows stands in `ceiling`, `when` and `trust`; exceptions in a `deny`',
  },
  rate: {
    only: ['allow', 'require-approval', 'limit'],
    else: 'write a rule with the effect `limit`',
  },
};
/** Members that leases do not have. */
const OF_CALLS: Readonly<Record<string, string>> = {
  installations: 'a lease names tools, not packages',
  categories: 'a lease names tools, not packages',
  rate: 'a rate counts calls',
};

/** Reads a file. Never throws for what is in it. */
export function readRules(text: string): ReadRules {
  const read = readRuleText(text);
  if (!('json' in read)) return { rules: [], faults: [read] };
  const reader = new RuleReader(read);
  const rules = reader.file(read.json);
  const faults = reader.problems.slice(0, FAULTS_MAX).map(({ path, reason }) => ({
    line: read.lineOf(path),
    reason: path === '' ? `the file ${reason}` : `\`${path}\` ${reason}`,
  }));
  return { rules, faults };
}

class RuleReader extends Fields {
  readonly #text: RuleText;

  constructor(text: RuleText) {
    super();
    this.#text = text;
  }

  file(json: Json): readonly DeclaredRule[] {
    const { rules } = this.object(json, '', ['$schema', 'rules']);
    return this.list(rules, 'rules', RULES_MAX).map((each, at) => this.#rule(each, `rules[${at}]`));
  }

  #rule(json: Json, path: string): DeclaredRule {
    const members = this.object(json, path, MEMBERS);
    const { name, effect: given, applies: subject, reason, hint, approvals, rate } = members;
    const effect = this.oneOf(given, `${path}.effect`, EFFECTS);
    const applies = this.oneOf(subject ?? 'calls', `${path}.applies`, SUBJECTS);
    this.#fits(members, effect, applies, path);
    const selectors = this.#selectors(members, path);
    const kinds = selectors.find(({ field }) => field === 'kinds')?.names as
      readonly Kind[] | undefined;
    return Object.freeze({
      name: this.#name(name, `${path}.name`),
      effect,
      applies,
      ...(effect === 'require-approval'
        ? { reason: this.words(reason, `${path}.reason`, WORDS_MAX) }
        : {}),
      ...(hint === undefined ? {} : { hint: this.words(hint, `${path}.hint`, WORDS_MAX) }),
      ...(approvals === undefined
        ? {}
        : { approvals: this.whole(approvals, `${path}.approvals`, 1, PERSONS_MAX) }),
      selectors,
      ...this.#terms(members, kinds, applies, path),
      ...(members['unless'] === undefined
        ? {}
        : { unless: this.#unless(members['unless'], kinds, applies, `${path}.unless`) }),
      ...(rate === undefined && effect !== 'limit'
        ? {}
        : { rate: this.#rate(rate, `${path}.rate`) }),
      line: this.#text.lineOf(path),
    });
  }

  #name(json: Json | undefined, path: string): string {
    if (typeof json === 'string' && /^[a-z0-9][a-z0-9-]{0,39}$/.test(json)) return json;
    this.problem(path, 'must be of lower-case letters, digits and `-`, at most 40');
    return '';
  }

  /** Nothing stands in a rule that would mean nothing there. */
  #fits(members: JsonObject, effect: RuleEffect, applies: RuleSubject, path: string): void {
    for (const [member, { only, else: remedy }] of Object.entries(OF_EFFECT)) {
      if (members[member] === undefined || only.includes(effect)) continue;
      this.problem(
        `${path}.${member}`,
        `means nothing in a rule of effect \`${effect}\`: ${remedy}`,
      );
    }
    if (applies === 'calls') return;
    for (const [member, why] of Object.entries(OF_CALLS)) {
      if (members[member] === undefined) continue;
      this.problem(`${path}.${member}`, `is for rules that apply to calls alone: ${why}`);
    }
    if (effect === 'limit') this.problem(`${path}.applies`, 'must be `calls`: a rate counts calls');
    if (effect !== 'allow') return;
    for (const member of ['tools', 'credentials']) {
      if (members[member] === undefined) continue;
      const remedy = 'say in `ceiling` all that a lease may name';
      this.problem(
        `${path}.${member}`,
        `cannot allow leases, which name other things too: ${remedy}`,
      );
    }
  }

  #selectors(members: JsonObject, path: string): readonly Selector[] {
    return SELECTORS.flatMap((field) => {
      const value = members[field];
      if (value === undefined) return [];
      const names =
        field === 'kinds'
          ? this.texts(value, `${path}.kinds`, KINDS.length, {
              test: (text) => KINDS.includes(text as Kind),
              like: `one of ${KINDS.join(', ')}`,
            })
          : this.texts(value, `${path}.${field}`, NAMES_MAX, {
              test: (text) => NAMES[field][0].test(text) && isPlain(text),
              like: NAMES[field][1],
            });
      return [{ field, names }];
    });
  }

  #unless(
    json: Json,
    kinds: readonly Kind[] | undefined,
    applies: RuleSubject,
    path: string,
  ): Terms {
    const members = this.object(json, path, ['ceiling', 'seconds', 'trust', 'when']);
    if (Object.keys(members).length === 0) {
      this.problem(path, 'must say something: leave it out for a rule without exception');
    }
    return this.#terms(members, kinds, applies, path);
  }

  #terms(
    members: JsonObject,
    kinds: readonly Kind[] | undefined,
    applies: RuleSubject,
    path: string,
  ): Terms {
    const { ceiling, seconds, trust, when } = members;
    if (seconds !== undefined && applies === 'calls') {
      this.problem(`${path}.seconds`, 'bounds the life of leases: set `applies` to `leases`');
    }
    const bounds = readCeiling(
      this,
      {
        ...(ceiling === undefined ? {} : { ceiling }),
        ...(seconds === undefined ? {} : { seconds }),
      },
      kinds,
      path,
    );
    return {
      ...(when === undefined ? {} : { when: readWindow(this, when, `${path}.when`) }),
      ...(bounds === undefined ? {} : { ceiling: bounds }),
      ...(trust === undefined ? {} : { trust: this.#trust(trust, `${path}.trust`) }),
    };
  }

  #trust(json: Json, path: string): TrustTerms {
    const { level, capabilities } = this.object(json, path, ['level', 'capabilities']);
    if (level === undefined && capabilities === undefined) {
      this.problem(path, 'must have a `level`, `capabilities`, or both');
    }
    return {
      level: level === undefined ? 0 : this.whole(level, `${path}.level`, 1, 100),
      capabilities:
        capabilities === undefined
          ? []
          : this.texts(capabilities, `${path}.capabilities`, NAMES_MAX, {
              test: (text) => /^[^]{1,128}$/.test(text) && isPlain(text),
              like: 'the name of a capability of the trust table',
            }),
    };
  }

  #rate(json: Json | undefined, path: string): RateTerms {
    const { calls, per, zone, each } = this.object(json, path, ['calls', 'per', 'zone', 'each']);
    if (zone !== undefined && (typeof zone !== 'string' || !isZone(zone))) {
      this.problem(`${path}.zone`, 'must be a time zone like `Europe/Berlin`');
    }
    const apart =
      each === undefined
        ? []
        : this.texts(each, `${path}.each`, subjectFields.length, {
            test: (text) => subjectFields.includes(text as SubjectField),
            like: `one of ${subjectFields.join(', ')}`,
          });
    return Object.freeze({
      calls: this.whole(calls, `${path}.calls`, 0, Number.MAX_SAFE_INTEGER),
      per: this.oneOf(per, `${path}.per`, ['minute', 'hour', 'day'] as const),
      ...(typeof zone === 'string' ? { zone } : {}),
      each: [...(apart as readonly SubjectField[])].sort(),
    });
  }
}
