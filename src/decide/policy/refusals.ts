// What a refused agent is told: that it was refused, by which opaque rule, and what to do about it.
// Never a policy's text, name or place.

import { WarderError } from '../../base/errors/errors.ts';
import { activeCapabilities, covers } from '../../trust/lease/action.ts';
import { assertCheckedLease } from '../../trust/lease/checked.ts';
import type { DecisionInput } from './decide.ts';
import type { Risk } from './circumstances.ts';
import { costOf } from '../limits/cost.ts';
import { coversCost, coversTool } from './narrowing.ts';
import type { Rule } from './policy-source.ts';

/**
 * The refusal when the lease does not carry this call; undefined when it does.
 *
 * @throws TypeError for a lease that the lease room did not make.
 */
export function refusedByLease(input: DecisionInput): WarderError | undefined {
  const { call, definition, installation, lease, now } = input;
  assertCheckedLease(lease);
  const { claims } = lease;
  if (definition.name !== call.tool || !installation.tools.includes(definition)) {
    return new WarderError('internal', 'a call was matched with another tool');
  }
  if (!installation.enabled) {
    return new WarderError('policy-denied', `the tool \`${call.tool}\` is switched off`, {
      hint: `an operator switches it on with \`warder tool enable ${installation.name}\``,
    });
  }
  if (claims.tenant !== input.tenant || claims.sub !== input.principal) {
    return new WarderError('lease-refused', 'the lease is for somebody else', {
      hint: 'use a lease that was issued to this principal',
    });
  }
  // Written so that a time that is no number is out of bounds.
  if (!(now < claims.exp * 1000 && now >= claims.nbf * 1000)) {
    return new WarderError('lease-refused', 'the lease is not valid at this time', {
      hint: 'ask for a new lease; a connection gets one by itself when it is opened again',
    });
  }
  const { tool } = call;
  const capabilities = activeCapabilities(claims.authorization_details, now);
  if (!coversTool(capabilities, tool)) {
    return new WarderError('lease-refused', `the lease does not cover \`${tool}\``, {
      hint: 'call a tool the lease names, or ask an operator for a lease with this one',
      data: { tool },
    });
  }
  if (!covers(capabilities, { type: 'tool.call', tool, arguments: call.arguments }, now)) {
    return new WarderError('lease-refused', `the lease covers \`${tool}\`, not these arguments`, {
      hint: 'keep to the arguments the lease names: `lease_describe` shows them',
      data: { tool },
    });
  }
  const cost = costOf(installation.grant.prices, call.tool, call.arguments);
  if (cost !== undefined && cost.amount > 0 && !coversCost(claims.authorization_details, cost)) {
    return new WarderError(
      'lease-refused',
      `the lease does not cover ${cost.amount} ${cost.currency} for \`${call.tool}\``,
      {
        hint: `ask an operator for a lease with \`{"type":"spend","currency":"${cost.currency}","amount":N}\``,
        data: { tool: call.tool, ...cost },
      },
    );
  }
  return undefined;
}

/** The refusal when policies say no, or none says yes. */
export function refusedByPolicy(tool: string, rules: readonly Rule[]): WarderError {
  if (rules.length === 0) {
    return new WarderError('policy-denied', `no policy permits \`${tool}\` here`, {
      hint: 'ask an operator to add a policy for this call: `warder policy show` prints those in force',
    });
  }
  const ids = rules.map(({ rule }) => rule);
  const hints = new Set(rules.flatMap(({ hint }) => hint ?? []));
  return new WarderError('policy-denied', `policy refuses \`${tool}\` (${listed(ids)})`, {
    hint:
      hints.size > 0
        ? [...hints].join('; ')
        : `ask an operator, and name ${listed(ids)}: they can see what it asks for`,
    data: { rules: ids },
  });
}

/** The refusal when a risk is not taken, whatever policies say. */
export function refusedByRisk(tool: string, { signals }: Risk): WarderError {
  const reasons = signals.filter(({ quiet }) => quiet !== true);
  const names = reasons.map(({ name }) => name);
  return new WarderError('policy-denied', `\`${tool}\` is not run: ${names.join(', ')}`, {
    hint: reasons.map(({ note }) => note).join('; '),
    data: { signals: names },
  });
}

/** The refusal when policies could not be asked: any evaluation error denies. */
export function refusedByError(tool: string, rules: readonly Rule[]): WarderError {
  const ids = rules.map(({ rule }) => rule);
  const named = ids.length > 0 ? ` (${listed(ids)})` : '';
  return new WarderError('policy-denied', `policy cannot judge \`${tool}\`${named}`, {
    hint: 'ask an operator to mend the policy: `warder policy check` names what is wrong with it',
    data: { rules: ids },
  });
}

function listed(ids: readonly string[]): string {
  const shown = ids.slice(0, 3).map((id) => `\`${id}\``);
  return shown.join(', ') + (ids.length > 3 ? ` and ${ids.length - 3} more` : '');
}
