// What may leave a call, and what is looked for in what comes in: secrets of the vault and the operator's
// patterns.

import type { TenantId } from '../../base/store/store.ts';
import type { Permit } from '../../decide/policy/permit.ts';
import type { ArgumentScan } from '../../decide/risk/risk-assessor.ts';
import type { Vault } from '../../reach/vault/vault.ts';
import { OutputGuard } from './output-guard.ts';
import { OutputPaths } from './output-paths.ts';
import { Redaction, type RedactionPattern } from './redaction.ts';

export interface FirewallParts {
  readonly vault: Vault;
  readonly redact: readonly RedactionPattern[];
  /** Largest answer of any tool, bytes as the tool gave it. */
  readonly maxOutputBytes: number;
}

export class Firewall implements ArgumentScan {
  /** Largest answer of any tool, bytes as the tool gave it. */
  readonly maxOutputBytes: number;
  readonly #vault: Vault;
  readonly #redaction: Redaction;

  /** @throws SyntaxError for a pattern that cannot be matched in linear time. */
  constructor({ vault, redact, maxOutputBytes }: FirewallParts) {
    this.#vault = vault;
    this.#redaction = new Redaction(redact);
    this.maxOutputBytes = maxOutputBytes;
  }

  holdsSecret(tenant: TenantId, text: string): boolean {
    return this.#vault.redactor(tenant)?.finds(text) ?? false;
  }

  matchingPattern(text: string): string | undefined {
    return this.#redaction.matching(text);
  }

  /** @param paths the output paths of the grant; absent when all of an answer is given. */
  guard(permit: Permit, paths: readonly string[] | undefined): OutputGuard {
    return new OutputGuard({
      vault: this.#vault,
      permit,
      patterns: this.#redaction.begin(),
      ...(paths === undefined ? {} : { paths: new OutputPaths(paths) }),
    });
  }
}
