// The firewall and the assessor of risks, as the config has them.

import type { Store } from '../../base/store/store.ts';
import { CommandClassifier } from '../../decide/risk/command-classifier.ts';
import { fingerprintKey } from '../../decide/risk/fingerprints.ts';
import { OutputMemory } from '../../decide/risk/output-memory.ts';
import { RiskAssessor } from '../../decide/risk/risk-assessor.ts';
import { Firewall } from '../../gate/firewall/firewall.ts';
import type { GateParts } from '../../gate/parts.ts';
import type { Vault } from '../../reach/vault/vault.ts';
import type { Config } from '../config/config.ts';

export function openRisk(
  { risk, firewall: { redact, maxOutputBytes, scanArguments } }: Pick<Config, 'risk' | 'firewall'>,
  {
    store,
    vault,
    random,
  }: { readonly store: Store; readonly vault: Vault; readonly random: GateParts['random'] },
): Pick<GateParts, 'risk' | 'firewall'> {
  const firewall = new Firewall({ vault, redact, maxOutputBytes });
  const { signals, classifier } = risk;
  const assessor = new RiskAssessor({
    store,
    answers: signals,
    patternAnswer: scanArguments,
    scan: firewall,
    memory: new OutputMemory(fingerprintKey(random(12))),
    showArguments: classifier?.arguments ?? false,
    ...(classifier === undefined ? {} : { classifier: new CommandClassifier(classifier) }),
  });
  return { risk: assessor, firewall };
}
