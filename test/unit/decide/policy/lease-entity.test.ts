import { describe, expect, it } from 'vitest';
import { decide } from '../../../../src/decide/policy/decide.ts';
import { loadCedar } from '../../../../src/decide/policy/cedar.ts';
import { PolicySet } from '../../../../src/decide/policy/policy-set.ts';
import { questionOf } from '../../../../src/decide/policy/question.ts';
import { reachOf } from '../../../../src/decide/policy/reach.ts';
import { makeCheckedLease } from '../../../../src/trust/lease/checked.ts';
import type { CheckedLease } from '../../../../src/trust/lease/lease.ts';
import {
  ECHO,
  filesOf,
  holderOf,
  inputOf,
  leaseOf,
  PERMIT_ALL,
} from '../../../support/decision.ts';

const cedar = await loadCedar();

async function verdict(condition: string, change: Parameters<typeof inputOf>[1] = {}) {
  const policy = `permit (principal, action in Action::"call", resource) when { ${condition} };`;
  const holder = await holderOf(policy);
  expect(holder.check([ECHO], filesOf(policy)).errors).toEqual([]);
  return holder.decide(inputOf({ text: 'hi' }, change)).kind;
}

/** A lease made from another. */
function child(parent: CheckedLease, stateKey: string): CheckedLease {
  const [root] = parent.chain;
  if (root === undefined) throw new Error('no chain');
  const claims = { ...root.claims, del_depth: 1 };
  return makeCheckedLease([root, { stateKey, digest: 'c'.repeat(64), claims }], 'dpop');
}

describe('the lease of a call, as policies see it', () => {
  it('has what it had as a record', async () => {
    const id = 'a'.repeat(64);
    const members = `context.lease.id == "${id}" && context.lease.holder == "connection" && context.lease.depth == 0`;
    expect(await verdict(members)).toBe('permit');
  });

  it('has its task, its time, whether it may be delegated and its uses', async () => {
    const lease = leaseOf(undefined, { task: 't', max_uses: 10, del_max: 2 });
    const all =
      'context.lease.secondsLeft == 600 && context.lease.delegatable && ' +
      'context.lease has task && context.lease.task == "t" && ' +
      'context.lease has maxUses && context.lease.maxUses == 10 && ' +
      'context.lease has usesLeft && context.lease.usesLeft == 3';
    expect(await verdict(all, { lease, circumstances: { usesLeft: 3 } })).toBe('permit');
    expect(await verdict('context.lease has usesLeft', { lease })).toBe('refused');
    expect(await verdict('context.lease.delegatable')).toBe('refused');
    const kept = leaseOf(undefined, { del_max: 2, delegatable: false });
    expect(await verdict('context.lease.delegatable', { lease: kept })).toBe('refused');
  });

  it('lies below every lease it was made from', async () => {
    const root = `context.lease in Lease::"${'a'.repeat(64)}"`;
    const lease = child(leaseOf(), 'f'.repeat(64));
    expect(await verdict(root, { lease })).toBe('permit');
    expect(await verdict(`context.lease in Lease::"${'9'.repeat(64)}"`, { lease })).toBe('refused');
    expect(await verdict(`context.lease == Lease::"${'a'.repeat(64)}"`, { lease })).toBe('refused');
  });

  it('is built as far as some policy looks at it', () => {
    const entityOf = (condition: string): object | undefined => {
      const files = filesOf(`${PERMIT_ALL}\nforbid (principal, action, resource) ${condition};`);
      const policies = new PolicySet(cedar, files);
      const input = inputOf({}, { lease: leaseOf(undefined, { max_uses: 2 }) });
      expect(decide(policies, input).kind).toBe('permit');
      const reach = reachOf(input.installation.grant, input.lease.claims.authorization_details);
      const { entities } = questionOf(policies.needs, input, reach, false);
      policies.close();
      return entities.find(({ uid }) => 'type' in uid && uid.type === 'Lease')?.attrs;
    };
    expect(entityOf('when { context.approved }')).toBeUndefined();
    expect(entityOf('when { context.lease.depth > 0 }')).toEqual({ depth: 0 });
    expect(entityOf('when { context has lease && context.lease.depth > 0 }')).toEqual({ depth: 0 });
    expect(entityOf('when { context has lease.task }')).toEqual({});
    expect(entityOf('when { context.lease in Lease::"x" }')).toHaveProperty('secondsLeft');
    expect(entityOf('when { [context.lease].contains(Lease::"x") }')).toHaveProperty('depth');
    expect(entityOf('when { context == {"a": 1} }')).toHaveProperty('depth');
  });
});

describe('categories', () => {
  it('hold the tools and the packages the operator put there', async () => {
    const grant = { categories: ['payments', 'web'] };
    expect(await verdict('resource in Category::"payments"', { grant })).toBe('permit');
    expect(
      await verdict('resource in Installation::"text" && Installation::"text" in Category::"web"', {
        grant,
      }),
    ).toBe('permit');
    expect(await verdict('resource in Category::"other"', { grant })).toBe('refused');
    expect(await verdict('resource in Category::"payments"')).toBe('refused');
  });
});
