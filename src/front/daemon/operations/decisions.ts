// Operations on the policies that decide.

import { WarderError } from '../../../base/errors/errors.ts';
import type { Installation } from '../../../catalog/installation.ts';
import { didYouMean, showText } from '../../../catalog/names.ts';
import type { PolicyFindings } from '../../../decide/policy/policy-check.ts';
import type { PolicyFile, Rule } from '../../../decide/policy/policy-source.ts';
import { parsePolicyCases } from '../../../decide/policy/policy-case.ts';
import { previewToJson } from '../../../gate/answer-json.ts';
import { explainCall } from '../../../gate/explain.ts';
import { allSignals } from '../../../decide/risk/signals.ts';
import type { CaseAgent } from '../../../decide/policy/policy-test.ts';
import type { Config } from '../../config/config.ts';
import type { OperationHandlers, PolicyReport, RuleSummary } from '../../console/operations.ts';
import { operatorCaller } from '../agent-connection.ts';
import type { Runtime } from '../compose.ts';
import { explanationParts } from './explain.ts';
import { OPERATOR_TENANT } from './tools.ts';

type DecisionOperations = Pick<
  OperationHandlers,
  'policy.show' | 'policy.check' | 'policy.set' | 'policy.test' | 'policy.rule' | 'policy.explain'
>;

export function decisionOperations(runtime: Runtime): DecisionOperations {
  const { gate, administration } = runtime;
  const { policy, catalog } = gate;
  const definitions = () =>
    catalog.list(OPERATOR_TENANT).flatMap((installation) => installation.tools);
  const report = (files: readonly PolicyFile[]): PolicyReport => {
    const { digest, errors, several, categories, signals, ...found } = policy.check(
      definitions(),
      files,
    );
    const warnings = [
      ...found.warnings,
      ...tooFew(several, runtime.operators.length),
      ...nobodyIn(categories, catalog.list(OPERATOR_TENANT)),
      ...neverGiven(signals),
    ];
    return { digest, files, errors, warnings };
  };
  return {
    'policy.show': () => Promise.resolve(report(policy.files)),
    'policy.check': ({ files }) => Promise.resolve(report(files)),
    'policy.set': async ({ files }) => {
      const findings = report(files);
      if (findings.errors.length > 0) return findings;
      const set = policy.prepare(files, definitions());
      await administration.policyChanged(set, policy);
      policy.use(set);
      return { ...findings, digest: set.digest };
    },
    'policy.test': ({ files, cases }) => {
      const { agents } = runtime.config;
      const results = policy.test(files, parsePolicyCases(cases), {
        find: (tenant, tool) => catalog.find(tenant, tool),
        capabilitiesOf: (principal) =>
          (
            Object.values(agents).find((agent) => agent.principal === principal) ??
            agents['default']
          )?.capabilities ?? [],
        agent: (name) => caseAgent(agents, name),
        now: gate.now(),
      });
      return Promise.resolve({ results });
    },
    'policy.rule': ({ rule }) => {
      const [found] = policy.explain([rule]);
      if (found === undefined) {
        throw new WarderError('not-found', `no policy in force is \`${rule.slice(0, 64)}\``, {
          hint: 'ids change with the policy they stand for: see `warder policy show`',
        });
      }
      return Promise.resolve(ruleSummary(found));
    },
    'policy.explain': async ({ tool, arguments: text, as }) => {
      const { caller, close } = operatorCaller(runtime, as);
      try {
        const explained = await explainCall(gate, caller, { tool, arguments: text });
        const preview = previewToJson(explained.preview);
        const ids = preview.rules ?? preview.error?.data?.['rules'];
        const rules = policy.explain(Array.isArray(ids) ? ids : []).map(ruleSummary);
        return { preview, rules, ...explanationParts(runtime, explained) };
      } finally {
        close();
      }
    },
  };
}

/** Policies that nobody can satisfy as things are. */
function tooFew(several: PolicyFindings['several'], operators: number): readonly string[] {
  return several
    .filter(({ persons }) => persons > operators)
    .map(
      ({ place, persons }) =>
        `${place}: takes ${persons} different operators, and config.json has ${operators}: ` +
        'what it asks about can only be denied',
    );
}

/** Categories that no package is in: perhaps misspelt. */
function nobodyIn(
  named: PolicyFindings['categories'],
  installations: readonly Installation[],
): readonly string[] {
  const known = new Set(installations.flatMap(({ grant }) => grant.categories));
  return named.flatMap(({ category, place }) => {
    if (known.has(category)) return [];
    const near = didYouMean(category, known);
    const meant = near === undefined ? '' : `, did you mean \`${near}\`?`;
    return `${place}: no package is in the category \`${showText(category)}\`${meant}`;
  });
}

/** Signals of risk that nothing gives: perhaps misspelt. */
function neverGiven(named: PolicyFindings['signals']): readonly string[] {
  return named.flatMap(({ signal, place }) => {
    if (allSignals.includes(signal)) return [];
    const near = didYouMean(signal, allSignals);
    const meant = near === undefined ? '' : `, did you mean \`${near}\`?`;
    return `${place}: no call ever has the signal \`${showText(signal)}\`${meant}`;
  });
}

function caseAgent(agents: Config['agents'], name: string): CaseAgent {
  const agent = Object.hasOwn(agents, name) ? agents[name] : undefined;
  if (agent === undefined) {
    throw new WarderError('not-found', `config.json has no agent \`${name.slice(0, 64)}\``);
  }
  const { principal, tenant, capabilities, askable, ttl, maxTtl } = agent;
  return {
    principal,
    tenant,
    ceiling: {
      free: { capabilities, ttlSeconds: ttl },
      most: { capabilities: [...capabilities, ...askable], ttlSeconds: maxTtl },
    },
  };
}

function ruleSummary({ rule, id, file, line, effect, text }: Rule): RuleSummary {
  return { rule, ...(id === undefined ? {} : { id }), place: `${file}:${line}`, effect, text };
}
