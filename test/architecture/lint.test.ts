// Every lint rule the house relies on, proven by a planted fault that must be reported.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { plantTree, type PlantedTree } from './planted-tree.ts';

interface Fault {
  readonly claim: string;
  readonly file: string;
  readonly text: string;
  /** What the report's line must say. */
  readonly report: RegExp;
}

const from = (specifier: string): string => `import { x } from '${specifier}';\n\nexport { x };\n`;

const wording: readonly Fault[] = [
  {
    claim: 'a floating promise (type-aware rules are on)',
    file: 'src/gate/floating.ts',
    text: 'async function later(): Promise<void> {}\n\nexport function now(): void {\n  later();\n}\n',
    report: /no-floating-promises/,
  },
  {
    claim: 'a promise where a plain answer is expected (type-aware rules are on)',
    file: 'src/gate/misused.ts',
    text: 'export async function later(): Promise<boolean> {\n  return await Promise.resolve(true);\n}\n\nif (later()) throw new Error();\n',
    report: /no-misused-promises/,
  },
  {
    claim: 'any',
    file: 'src/gate/anything.ts',
    text: 'export function take(value: any): void {\n  void value;\n}\n',
    report: /no-explicit-any/,
  },
  {
    claim: 'a default export',
    file: 'src/gate/default-export.ts',
    text: 'export default 1;\n',
    report: /no-default-export/,
  },
  {
    claim: 'export *',
    file: 'src/gate/export-all.ts',
    text: "export * from './gate.ts';\n",
    report: /export-all/,
  },
  {
    claim: 'a file name that is not kebab-case',
    file: 'src/gate/camelCase.ts',
    text: 'export const one = 1;\n',
    report: /filename-case/,
  },
  {
    claim: 'a file of more than 400 lines',
    file: 'src/gate/long.ts',
    text: 'export const one = 1;\n'.padEnd(500, '\n'),
    report: /max-lines/,
  },
  {
    claim: 'a skipped test',
    file: 'test/unit/skipped.test.ts',
    text: "import { test } from 'vitest';\n\ntest.skip('one', () => {});\n",
    report: /no-disabled-tests/,
  },
  {
    claim: 'a lone test',
    file: 'test/unit/lone.test.ts',
    text: "import { test } from 'vitest';\n\ntest.only('one', () => {});\n",
    report: /no-focused-tests/,
  },
  {
    claim: 'a disable comment that disables nothing',
    file: 'src/gate/disabled.ts',
    text: '// oxlint-disable-next-line no-console\nexport const one = 1;\n',
    report: /[Uu]nused .*disable/,
  },
];

const rooms: readonly Fault[] = [
  {
    claim: 'an import of a later room',
    file: 'src/trust/lease/late.ts',
    text: from('../../decide/policy/permit.ts'),
    report: /`trust\/lease` may not import `decide\/policy`/,
  },
  {
    claim: 'an import of a sibling',
    file: 'src/reach/files/sibling.ts',
    text: from('../egress/egress.ts'),
    report: /may not import its sibling `reach\/egress`/,
  },
  {
    claim: 'an import of a later room inside its own folder',
    file: 'src/gate/firewall/upward.ts',
    text: from('../gate.ts'),
    report: /`gate\/firewall` may not import `gate`/,
  },
  {
    claim: 'a type-only import of a later room',
    file: 'src/trust/lease/late-type.ts',
    text: "import type { X } from '../../gate/gate.ts';\n\nexport type Y = X;\n",
    report: /may not import `gate`/,
  },
  {
    claim: 'an export from a later room',
    file: 'src/trust/lease/late-export.ts',
    text: "export { serve } from '../../gate/gate.ts';\n",
    report: /may not import `gate`/,
  },
  {
    claim: 'a dynamic import of a later room',
    file: 'src/trust/lease/late-dynamic.ts',
    text: "export const late: Promise<unknown> = import('../../gate/gate.ts');\n",
    report: /may not import `gate`/,
  },
  {
    claim: 'a dynamic import of a later room in a template',
    file: 'src/trust/lease/late-template.ts',
    text: 'export const late: Promise<unknown> = import(`../../gate/gate.ts`);\n',
    report: /may not import `gate`/,
  },
  {
    claim: 'an import type of a later room',
    file: 'src/trust/lease/late-import-type.ts',
    text: "export type Late = typeof import('../../gate/gate.ts');\n",
    report: /may not import `gate`/,
  },
  {
    claim: 'a require of a later room',
    file: 'src/trust/lease/late-require.ts',
    text: "import { createRequire } from 'node:module';\n\nconst require = createRequire(import.meta.url);\nexport const late: unknown = require('../../gate/gate.ts');\n",
    report: /may not import `gate`/,
  },
  {
    claim: 'a resolved path of a later room',
    file: 'src/trust/lease/late-resolve.ts',
    text: "export const late: string = import.meta.resolve('../../gate/gate.ts');\n",
    report: /may not import `gate`/,
  },
  {
    claim: 'a URL of a program in a later room',
    file: 'src/trust/lease/late-url.ts',
    text: "export const late: URL = new URL('../../gate/gate.js', import.meta.url);\n",
    report: /may not import `gate`/,
  },
  {
    claim: 'a reference to a file of a later room',
    file: 'src/trust/lease/late-reference.ts',
    text: '/// <reference path="../../gate/gate.ts" />\nexport const one = 1;\n',
    report: /may not import `gate`/,
  },
  {
    claim: 'an import whose name is computed',
    file: 'src/trust/lease/computed.ts',
    text: 'export async function load(name: string): Promise<unknown> {\n  return await import(name);\n}\n',
    report: /computed module name/,
  },
  {
    claim: 'an import of the package by its own name',
    file: 'src/trust/lease/own-name.ts',
    text: from('warder/verify'),
    report: /hides which room/,
  },
  {
    claim: 'an import of an absolute path',
    file: 'src/trust/lease/absolute.ts',
    text: from('file:///gate/gate.ts'),
    report: /not a package or a relative path/,
  },
  {
    claim: 'an import from outside of src',
    file: 'src/gate/outside.ts',
    text: from('../../test/fake.ts'),
    report: /leaves src/,
  },
  {
    claim: 'a room that imports the package entry',
    file: 'src/front/cli/entry.ts',
    text: from('../../index.ts'),
    report: /may not import the package entry/,
  },
  {
    claim: 'a package entry that reaches past its room',
    file: 'src/lease.ts',
    text: from('./gate/gate.ts'),
    report: /`trust\/holder` may not import `gate`/,
  },
  {
    claim: 'a file in a folder that is no listed room',
    file: 'src/base/util/drawer.ts',
    text: 'export const one = 1;\n',
    report: /stands in no room/,
  },
  {
    claim: 'a file in a new top folder',
    file: 'src/common/drawer.ts',
    text: 'export const one = 1;\n',
    report: /stands in no room/,
  },
  {
    claim: 'an import of a folder that is no listed room',
    file: 'src/gate/drawer.ts',
    text: from('../helpers/drawer.ts'),
    report: /stands in no room/,
  },
  {
    claim: 'a file beside the package entries that is none',
    file: 'src/extra.ts',
    text: 'export const one = 1;\n',
    report: /stands in no room/,
  },
];

const nodeFree: readonly Fault[] = [
  {
    claim: 'node: in verify',
    file: 'src/trust/verify/node.ts',
    text: from('node:crypto'),
    report: /must run without Node and may not import `node:crypto`/,
  },
  {
    claim: 'a Node module without its prefix in verify',
    file: 'src/trust/verify/bare.ts',
    text: from('fs'),
    report: /may not import `fs`/,
  },
  {
    claim: 'a Node module in the types of encoding',
    file: 'src/base/encoding/node-type.ts',
    text: "export type Fs = typeof import('node:fs');\n",
    report: /may not import `node:fs`/,
  },
  {
    claim: 'verify reaching a room that needs Node',
    file: 'src/trust/verify/reach.ts',
    text: from('../../base/process/spawn.ts'),
    report: /may not reach `base\/process`/,
  },
  {
    claim: 'the verify entry reaching a room that needs Node',
    file: 'src/verify.ts',
    text: from('./base/store/store.ts'),
    report: /may not reach `base\/store`/,
  },
  {
    claim: 'a package in verify that is not on its list',
    file: 'src/trust/verify/package.ts',
    text: from('undici'),
    report: /`undici` is not on its list/,
  },
  {
    claim: 'Buffer in encoding',
    file: 'src/base/encoding/buffer.ts',
    text: "export const bytes: Uint8Array = Buffer.from('one');\n",
    report: /may not use `Buffer`/,
  },
];

const ambient: readonly Fault[] = [
  ['Date.now()', 'Date.now()', /wall clock/],
  ['new Date()', 'new Date()', /wall clock/],
  ['Date()', 'Date()', /wall clock/],
  ['Date taken by another name', '[Date]', /wall clock/],
  ['globalThis.Date.now()', 'globalThis.Date.now()', /wall clock/],
  ['performance.now()', 'performance.now()', /timer/],
  ['setTimeout', 'setTimeout(() => {}, 1)', /timer/],
  ['process.hrtime', 'process.hrtime.bigint()', /timer/],
  ['Math.random', 'Math.random()', /weak randomness/],
  ["globalThis['Math'].random", "globalThis['Math'].random()", /weak randomness/],
  ['crypto.randomUUID', 'crypto.randomUUID()', /randomness/],
  ['crypto.getRandomValues', 'crypto.getRandomValues(new Uint8Array(1))', /randomness/],
  ['process.env', "process.env['HOME']", /environment/],
].map(([claim, expression, report], index) => ({
  claim: `${claim} in a pure room`,
  file: `src/decide/policy/ambient-${index}.ts`,
  text: `export const taken: unknown = ${expression};\n`,
  report: report as RegExp,
}));

const ambientElsewhere: readonly Fault[] = [
  {
    claim: 'randomBytes by name in a pure room',
    file: 'src/trust/receipt/salt.ts',
    text: "import { randomBytes } from 'node:crypto';\n\nexport const salt: Uint8Array = randomBytes(16);\n",
    report: /ambient randomness/,
  },
  {
    claim: 'randomBytes through the module in a pure room',
    file: 'src/trust/receipt/salt-of-module.ts',
    text: "import * as node from 'node:crypto';\n\nexport const salt: Uint8Array = node.randomBytes(16);\n",
    report: /ambient randomness/,
  },
  {
    claim: 'env from node:process in a pure room',
    file: 'src/trust/receipt/env.ts',
    text: "import { env } from 'node:process';\n\nexport const home: unknown = env['HOME'];\n",
    report: /ambient environment/,
  },
  {
    claim: 'Date.now outside of the clock',
    file: 'src/gate/wall.ts',
    text: 'export const now: number = Date.now();\n',
    report: /ambient wall clock/,
  },
  {
    claim: 'Math.random anywhere',
    file: 'src/front/cli/dice.ts',
    text: 'export const dice: number = Math.random();\n',
    report: /ambient weak randomness/,
  },
  {
    claim: 'process.env outside of config and the command line',
    file: 'src/gate/env.ts',
    text: "export const home: unknown = process.env['HOME'];\n",
    report: /ambient environment/,
  },
];

const allowed: Readonly<Record<string, string>> = {
  'src/base/clock/clock.ts': 'export const wall = (): number => Date.now();\n',
  'src/decide/policy/handed-in.ts':
    'export const year = (now: number): number => new Date(now).getUTCFullYear();\n' +
    'export const at: number = Date.UTC(2026, 0);\nexport const most: number = Math.max(1, 2);\n',
  'src/base/process/spawn.ts': "export const path: unknown = process.env['PATH'];\n",
  'src/trust/verify/hash.ts':
    "export { sha256 } from '@noble/hashes/sha2.js';\n" +
    "export { length } from '../../base/encoding/length.ts';\n",
  'src/gate/later.ts':
    "export const late: Promise<unknown> = import('../trust/lease/lease.ts');\n" +
    "export type { X } from '../reach/kv/kv.ts';\n",
  'src/run/sandbox/executor/load.ts':
    'export const load = async (name: string): Promise<unknown> => await import(name);\n',
};

const faults = [...wording, ...rooms, ...nodeFree, ...ambient, ...ambientElsewhere];

describe('the lint gate', () => {
  let tree: PlantedTree;
  let clean: { good: boolean; output: string };
  let planted: { good: boolean; output: string };

  beforeAll(() => {
    tree = plantTree();
    tree.write(allowed);
    clean = tree.gate('lint', '-f', 'unix');
    tree.write(Object.fromEntries(faults.map((fault) => [fault.file, fault.text])));
    planted = tree.gate('lint', '-f', 'unix');
  });
  afterAll(() => tree.remove());

  test('passes a clean house', () => {
    expect(clean.output.replace(/\(.* ms\)/, '').trim()).toBe('ok   lint');
    expect(clean.good).toBe(true);
  });

  test('fails when a fault is planted', () => {
    expect(planted.good).toBe(false);
  });

  test('says nothing against what is allowed, faults or not', () => {
    const about = planted.output
      .split('\n')
      .filter((line) => Object.hasOwn(allowed, line.split(':')[0] ?? ''));
    expect(about).toEqual([]);
  });

  test.each(faults)('reports $claim', ({ file, report }) => {
    const lines = planted.output.split('\n').filter((line) => line.startsWith(`${file}:`));
    expect(lines.join('\n')).toMatch(report);
  });
});
