// The gates of `npm run check` besides lint, each proven by a planted fault that must be reported.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { plantTree, type PlantedTree } from './planted-tree.ts';

describe('the gates of `npm run check`', () => {
  let tree: PlantedTree;
  beforeAll(() => {
    tree = plantTree();
  });
  afterAll(() => tree.remove());

  test.each(['types', 'format', 'dead-code', 'package', 'lock'])(
    '%s passes a clean tree',
    (name) => {
      tree.gate('format', '--write');
      const { good, output } = tree.gate(name);
      expect(good, output).toBe(true);
    },
  );

  test('types reports a wrong type', () => {
    tree.write({ 'src/gate/wrong.ts': "export const count: number = 'one';\n" });
    const { good, output } = tree.gate('types');
    expect(good).toBe(false);
    expect(output).toMatch(/src\/gate\/wrong\.ts.*TS2322/);
    tree.delete('src/gate/wrong.ts');
  });

  test('types reports an export without its type', () => {
    tree.write({ 'src/gate/untyped.ts': 'export const when = Number();\n' });
    const { good, output } = tree.gate('types');
    expect(good).toBe(false);
    expect(output).toMatch(/src\/gate\/untyped\.ts.*TS9010/);
    tree.delete('src/gate/untyped.ts');
  });

  test('types reports an enum', () => {
    tree.write({ 'src/gate/list.ts': 'export enum List {\n  One,\n}\n' });
    const { good, output } = tree.gate('types');
    expect(good).toBe(false);
    expect(output).toMatch(/src\/gate\/list\.ts.*TS1294/);
    tree.delete('src/gate/list.ts');
  });

  test('format reports an unformatted file', () => {
    tree.write({ 'src/gate/ugly.ts': 'export const   one = "1"\n' });
    const { good, output } = tree.gate('format');
    expect(good).toBe(false);
    expect(output).toContain('src/gate/ugly.ts');
    tree.delete('src/gate/ugly.ts');
  });

  test('dead-code reports an unused file and an unused export', () => {
    tree.write({
      'src/gate/dead.ts': 'export const dead: number = 1;\n',
      'src/gate/half.ts': 'export const used: number = 1;\nexport const unused: number = 2;\n',
      'src/verify.ts':
        "import { used } from './gate/half.ts';\n\nexport const one: number = used;\n",
    });
    const { good, output } = tree.gate('dead-code');
    expect(good).toBe(false);
    expect(output).toContain('src/gate/dead.ts');
    expect(output).toMatch(/unused\s+src\/gate\/half\.ts/);
    tree.delete('src/gate/dead.ts', 'src/gate/half.ts', 'src/verify.ts');
  });

  test('package reports a program that is not there', () => {
    tree.delete('bin.js');
    const { good, output } = tree.gate('package');
    expect(good).toBe(false);
    expect(output).toContain('bin.js');
    tree.write({ 'bin.js': "console.log('one');\n" });
  });

  test('lock reports a platform binding without its entry', () => {
    const packages = {
      '': { name: 'warder' },
      'node_modules/tool': {
        version: '1.0.0',
        optionalDependencies: { '@tool/binding-win32-x64': '1.0.0' },
      },
    };
    tree.write({ 'package-lock.json': JSON.stringify({ lockfileVersion: 3, packages }) });
    const { good, output } = tree.gate('lock');
    expect(good).toBe(false);
    expect(output).toContain('node_modules/@tool/binding-win32-x64 1.0.0');
  });

  test('a gate that does not exist is an error, not a pass', () => {
    expect(tree.gate('nothing')).toMatchObject({ good: false });
  });
});
