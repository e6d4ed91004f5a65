// The quick reading of `warder mcp`'s arguments: the plain forms alone; the rest is for the full parser.

import { expect, test } from 'vitest';

import { quickArguments } from '../../../../src/front/cli/mcp-command.ts';

test.each([
  [[], { agent: 'default' }],
  [['--agent', 'coder'], { agent: 'coder' }],
  [['--home', '/tmp/h'], { agent: 'default', home: '/tmp/h' }],
  [['--home', '/tmp/h', '--agent', 'a-1'], { agent: 'a-1', home: '/tmp/h' }],
])('%j', (argv, read) => {
  expect(quickArguments(argv)).toEqual(read);
});

test.each([
  [['--help']],
  [['--agent']],
  [['--agent', '../operator']],
  [['--agent', 'A']],
  [['--agent', '']],
  [['--lease', '@file']],
  [['--json']],
  [['--agent=coder']],
  [['more', 'words']],
])('%j is left to the full parser', (argv) => {
  expect(quickArguments(argv)).toBeUndefined();
});
