// Cedar skips a policy that errs: a forbid that cannot be evaluated would let the call through.

import { expect, test } from 'vitest';

import { loadCedar } from '../../../src/decide/policy/cedar.ts';
import { holderOf, inputOf, PERMIT_ALL } from '../../support/decision.ts';

const FORBID = 'forbid (principal, action, resource) when { context.args.path like "/private/*" };';

test('a call without the argument a forbid reads is refused, although Cedar alone would allow it', async () => {
  const cedar = await loadCedar();
  const bare = cedar.isAuthorized({
    principal: { type: 'Principal', id: 'alice' },
    action: { type: 'Action', id: 'call:text_echo' },
    resource: { type: 'Tool', id: 'text_echo' },
    context: { args: {} },
    entities: [
      {
        uid: { type: 'Action', id: 'call:text_echo' },
        attrs: {},
        parents: [{ type: 'Action', id: 'call' }],
      },
    ],
    policies: { staticPolicies: PERMIT_ALL + FORBID },
  });
  expect(bare).toMatchObject({ response: { decision: 'allow' } });

  const holder = await holderOf(PERMIT_ALL, FORBID);
  const decision = holder.decide(inputOf({ text: 'no path here' }));
  expect(decision).toMatchObject({ kind: 'refused', error: { code: 'policy-denied' } });
});

test('it cannot be turned into an approval either', async () => {
  const holder = await holderOf(PERMIT_ALL, `@approval("private") ${FORBID}`);
  const input = inputOf({});
  const approval = { id: 'appr_1', digest: input.call.digest, persons: 1, terms: [] };
  expect(holder.decide(input).kind).toBe('refused');
  expect(holder.decide({ ...input, approval }).kind).toBe('refused');
});
