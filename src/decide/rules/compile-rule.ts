// Makes Cedar of a declared rule: `allow` a permit, `deny` a forbid, `require-approval` a forbid that a
// person's yes lifts and, when the rule has a ceiling, one beyond it that nothing lifts.

import type { ConditionTable, Reading } from './conditions.ts';
import type { DeclaredRule, Selector, Terms } from './rule.ts';

/**
 * Compiles. `@id` of a policy is the rule's name, of the second one with `:beyond` behind it.
 *
 * @param table where the terms go that the policies name by id.
 * @returns Cedar, one text per policy.
 */
export function compileRule(rule: DeclaredRule, table: ConditionTable): readonly string[] {
  const { name, effect, ceiling, trust } = rule;
  const scope = scopeOf(rule, table);
  const gives = conditionsOf({ ...(ceiling && { ceiling }), ...(trust && { trust }) }, table);
  const except = rule.unless === undefined ? [] : conditionsOf(rule.unless, table);
  const policy = (id: string, ...lines: readonly string[]): string =>
    `${[`@id(${quote(id)})`, ...lines].join('\n')};`;
  const hint = rule.hint === undefined ? [] : [`@hint(${quote(rule.hint)})`];
  switch (effect) {
    case 'limit':
      return [];
    case 'allow':
      return [policy(name, `permit ${scope}`, ...clause('when', gives))];
    case 'deny':
      return [policy(name, ...hint, `forbid ${scope}`, ...clause('unless', except))];
    case 'require-approval': {
      const many = rule.approvals === undefined ? [] : [`@approvals("${rule.approvals}")`];
      const forbid = [`forbid ${scope}`, ...clause('unless', except)];
      const asks = policy(
        name,
        `@approval(${quote(rule.reason ?? '')})`,
        ...many,
        ...hint,
        ...forbid,
        'unless { context.approved }',
      );
      if (gives.length === 0) return [asks];
      return [asks, policy(`${name}:beyond`, ...hint, ...forbid, ...clause('unless', gives))];
    }
  }
}

/** The head of a policy with what selects: `(principal, action ..., resource) when { ... }`. */
function scopeOf(rule: DeclaredRule, table: ConditionTable): string {
  const reading: Reading = rule.effect === 'allow' ? 'every' : 'any';
  const tools = rule.selectors.find(({ field }) => field === 'tools')?.names ?? [];
  const named = rule.applies === 'calls' && tools.length > 0 && !tools.some(isGlob);
  const selecting = rule.selectors
    .filter(({ field }) => !(named && field === 'tools'))
    .map((selector) => conditionOf(selector, reading, table));
  const { when } = rule;
  const open = when === undefined ? [] : conditionsOf({ when }, table);
  return [
    `(principal, ${named ? actionsOf(tools) : actionOf(rule)}, resource)`,
    ...clause('when', [...selecting, ...open]),
  ].join('\n');
}

function actionOf({ applies }: DeclaredRule): string {
  switch (applies) {
    case 'calls':
      return 'action in Action::"call"';
    case 'leases':
      return 'action == Action::"lease"';
    case 'both':
      return 'action in [Action::"call", Action::"lease"]';
  }
}

function actionsOf(tools: readonly string[]): string {
  const ids = tools.map((tool) => `Action::${quote(`call:${tool}`)}`);
  return ids.length === 1 ? `action == ${ids[0]}` : `action in [${ids.join(', ')}]`;
}

/** Entities that names in full are members of. What holds a `*`, or has no entity, the table tests. */
const ENTITIES = {
  agents: ['principal', 'Agent'],
  principals: ['principal', 'Principal'],
  tenants: ['principal', 'Tenant'],
  installations: ['resource', 'Installation'],
  categories: ['resource', 'Category'],
} as const;

function conditionOf(selector: Selector, reading: Reading, table: ConditionTable): string {
  const { field, names } = selector;
  const entity = field in ENTITIES ? ENTITIES[field as keyof typeof ENTITIES] : undefined;
  if (entity !== undefined && !names.some(isGlob)) {
    const [variable, type] = entity;
    const uids = names.map((name) => `${type}::${quote(name)}`);
    return uids.length === 1 ? `${variable} in ${uids[0]}` : `${variable} in [${uids.join(', ')}]`;
  }
  return `context.named.contains("${table.addList(selector, reading)}")`;
}

function conditionsOf({ ceiling, trust, when }: Terms, table: ConditionTable): readonly string[] {
  const { level = 0, capabilities = [] } = trust ?? {};
  return [
    ...(when === undefined ? [] : [`context.windows.contains("${table.addWindow(when)}")`]),
    ...(ceiling === undefined ? [] : [`context.within.contains("${table.addCeiling(ceiling)}")`]),
    ...(level === 0 ? [] : [`context.trust.level >= ${level}`]),
    ...(capabilities.length === 0
      ? []
      : [`context.trust.capabilities.containsAll([${capabilities.map(quote).join(', ')}])`]),
  ];
}

function clause(word: 'when' | 'unless', conditions: readonly string[]): readonly string[] {
  return conditions.length === 0 ? [] : [`${word} { ${conditions.join(' && ')} }`];
}

function isGlob(name: string): boolean {
  return name.includes('*');
}

/** A Cedar string. Control characters were refused when the text was read. */
function quote(text: string): string {
  return `"${text.replaceAll(/[\\"]/g, String.raw`\$&`)}"`;
}
