// The tools and agents that the examples of docs/policy.md are about.

import { emptyGrant } from '../../src/catalog/grant.ts';
import { parsePrice } from '../../src/catalog/price.ts';
import type { Installation, ToolDefinition } from '../../src/catalog/installation.ts';
import { WarderError } from '../../src/base/errors/errors.ts';
import type { CaseGround } from '../../src/decide/policy/policy-test.ts';
import type { Capability } from '../../src/trust/lease/capability.ts';
import { ALL_CAPABILITIES, ECHO, NOW } from './decision.ts';

const text = { type: 'string' } as const;

function tool(name: string, properties: ToolDefinition['inputSchema']): ToolDefinition {
  const required = Object.keys(properties);
  return { name, description: name, inputSchema: { type: 'object', properties, required } };
}

function installation(
  name: string,
  tools: readonly ToolDefinition[],
  grant: Partial<Installation['grant']> = {},
): Installation {
  return {
    id: `inst_${name}`,
    name,
    digest: 'd'.repeat(64),
    size: 1,
    engine: 'extism',
    convention: 'warder',
    tools,
    grant: { ...emptyGrant, ...grant },
    enabled: true,
    addedAt: 0,
    imports: [],
  };
}

const INSTALLED: readonly Installation[] = [
  installation('text', [ECHO]),
  installation('files', [
    tool('files_read', { path: text }),
    tool('files_write', { path: text, text }),
  ]),
  installation('web', [tool('web_fetch', { url: text }), tool('web_scrape', { url: text })]),
  installation('bank', [tool('pay', { to: text, amount: { type: 'integer' } })], {
    categories: ['payments'],
    prices: [parsePrice('pay=/amount EUR')],
  }),
  installation('ops', [tool('prod_deploy', { service: text })], { categories: ['production'] }),
];

export const GUIDE_TOOLS: readonly ToolDefinition[] = INSTALLED.flatMap(({ tools }) => tools);

const EVERYTHING: readonly Capability[] = [
  ...ALL_CAPABILITIES,
  { type: 'spend', currency: 'EUR', amount: 1_000_000 },
];

export const GUIDE_GROUND: Omit<CaseGround, 'policies'> = {
  find: (_, name) => {
    for (const found of INSTALLED) {
      const definition = found.tools.find((each) => each.name === name);
      if (definition !== undefined) return { installation: found, definition };
    }
    throw new WarderError('not-found', `there is no tool \`${name}\``);
  },
  capabilitiesOf: () => EVERYTHING,
  agent: (name) => {
    const most = { capabilities: EVERYTHING, ttlSeconds: 86_400 };
    return { principal: `agent:${name}`, tenant: 'default', ceiling: { free: most, most } };
  },
  now: NOW,
};
