// Which secrets go into a request, and whether they may: by rule alone, for each hop anew.

import type { SecretRule } from '../../catalog/installation.ts';
import { SECRET_PLACE } from '../../catalog/secret-rule.ts';
import type { Permit } from '../../decide/policy/permit.ts';
import type { InsertedSecret } from './messages.ts';
import { EgressRefusal } from './refusal.ts';
import { compileRules, type NetRules } from './rules.ts';
import type { Target } from './target.ts';

/** Gives the value of a secret to those who may send it. */
export interface SecretSource {
  /** Undefined when the permit's tenant has no secret of this name. */
  reveal(permit: Permit, name: string): Promise<Uint8Array | undefined>;
}

/** Shorter ones cannot be told from other text when they come back. */
const MIN_BYTES = 16;
/** Visible characters, and blanks within: what every server reads the same way. */
const SENDABLE = /^[!-~](?:[ -~]*[!-~])?$/;

interface CompiledSecret {
  readonly rule: SecretRule;
  readonly covers: NetRules;
}

const compiled = new WeakMap<readonly SecretRule[], readonly CompiledSecret[]>();

/** The rules of a permit that this request falls under; of two for one field the first. */
function matching(permit: Permit, method: string, target: Target): readonly SecretRule[] {
  const { secrets } = permit.terms;
  if (secrets.length === 0) return secrets;
  let rules = compiled.get(secrets);
  if (rules === undefined) {
    rules = secrets.map((rule) => ({ rule, covers: compileRules([rule.to], []) }));
    compiled.set(secrets, rules);
  }
  const fields = new Set<string>();
  return rules
    .filter(({ rule, covers }) => {
      if (fields.has(rule.header) || !covers.coversRequest(method, target)) return false;
      fields.add(rule.header);
      return true;
    })
    .map(({ rule }) => rule);
}

/** Names of the fields secrets go into: what a guest says for them is left out. */
export function secretFields(permit: Permit, method: string, target: Target): ReadonlySet<string> {
  return new Set(matching(permit, method, target).map(({ header }) => header));
}

/**
 * The secrets of one request.
 *
 * @throws EgressRefusal `denied` when one of them is not there or cannot be sent: the request would
 *   be another without it.
 */
export async function secretsFor(
  permit: Permit,
  method: string,
  target: Target,
  source: SecretSource | undefined,
): Promise<readonly InsertedSecret[]> {
  return Promise.all(
    matching(permit, method, target).map(async ({ secret, header, template }) => {
      const bytes = await source?.reveal(permit, secret);
      if (bytes === undefined) {
        throw new EgressRefusal('denied', `the secret \`${secret}\` is not in the vault`);
      }
      const value = Buffer.from(bytes).toString('latin1');
      bytes.fill(0);
      if (value.length < MIN_BYTES || !SENDABLE.test(value)) {
        throw new EgressRefusal(
          'denied',
          `the secret \`${secret}\` cannot be sent: it needs ${MIN_BYTES} bytes at least, all of ` +
            'them visible ASCII',
        );
      }
      const [before = '', after = ''] = template.split(SECRET_PLACE);
      return { header, field: before + value + after, value };
    }),
  );
}
