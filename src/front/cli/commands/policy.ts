// `warder policy`: the policies in force, and replacing them.

import type { Command } from 'commander';
import { WarderError } from '../../../base/errors/errors.ts';
import type { CaseResult } from '../../../decide/policy/policy-test.ts';
import type { PolicyReport } from '../../console/operations.ts';
import { readGivenText } from '../given-files.ts';
import { type Output, plain } from '../output.ts';
import type { Run } from '../program.ts';
import { readArguments } from './call.ts';
import { compiled, compiledLines } from './compiled-rules.ts';
import { explanationLines, ruleLines } from './explain-lines.ts';
import { readPolicyFiles } from './policy-files.ts';

/** What a refusal names. */
const RULE_ID = /^rule_[0-9a-f]{16}$/;

/** Adds `policy show|check|compile|test|explain|set`. */
export function addPolicyCommands(program: Command, run: Run): void {
  const policy = program.command('policy').description('what the gate decides by');
  policy
    .command('show')
    .description('the policies in force')
    .action(() =>
      run(async ({ operator, out }) => {
        const report = await (await operator()).call('policy.show', {});
        out.result(report, [
          ...report.files.flatMap((file) => [`// ${file.name}`, file.text.trimEnd(), '']),
          `// digest ${report.digest}`,
        ]);
      }),
    );
  policy
    .command('check')
    .argument('[path]', 'a .cedar or .rules.json file, or a directory of them; else HOME/policy')
    .description('parse and validate against the installed tools; change nothing')
    .action((path: string | undefined) =>
      run(async ({ operator, out, home }) => {
        const files = readPolicyFiles(path ?? home.policy);
        return finish(out, await (await operator()).call('policy.check', { files }), 'is sound');
      }),
    );
  policy
    .command('compile')
    .argument('[path]', 'a .rules.json file or a directory of them; else HOME/policy')
    .description('print the Cedar that declared rules come to; ask nobody, change nothing')
    .action((path: string | undefined) =>
      run(({ out, home }) => {
        const made = compiled(readPolicyFiles(path ?? home.policy));
        out.result(made, made.flatMap(compiledLines));
        return Promise.resolve(0);
      }),
    );
  policy
    .command('test')
    .argument('<cases>', 'a JSON file of cases, or - for stdin')
    .argument('[path]', 'a .cedar or .rules.json file, or a directory of them; else HOME/policy')
    .description('run cases against policies; change nothing')
    .action((cases: string, path: string | undefined) =>
      run(async ({ operator, out, home }) => {
        const files = readPolicyFiles(path ?? home.policy);
        const text = cases === '-' ? await readArguments(cases) : readCases(cases);
        const report = await (await operator()).call('policy.test', { files, cases: text });
        const failed = report.results.filter(({ passed }) => !passed);
        out.result(report, [
          ...report.results.flatMap(caseLines),
          `${report.results.length - failed.length} cases as expected, ${failed.length} not`,
        ]);
        return failed.length === 0 ? 0 : 6;
      }),
    );
  policy
    .command('explain')
    .argument('<what>', 'the id of a policy from a refusal or receipt, or a tool')
    .option('--args <json>', 'of a call of the tool: JSON, @FILE or - for stdin', '{}')
    .option('--as <principal>', 'who would call', 'agent:default')
    .description('which policies an id stands for, or a call would be decided by')
    .action((what: string, options: { args: string; as: string }) =>
      run(async ({ operator, out }) => {
        const client = await operator();
        if (RULE_ID.test(what)) {
          const rule = await client.call('policy.rule', { rule: what });
          out.result(rule, ruleLines(rule));
          return;
        }
        const text = await readArguments(options.args);
        const request = { tool: what, arguments: text, as: options.as };
        const explained = await client.call('policy.explain', request);
        out.result(explained, explanationLines(explained));
      }),
    );
  policy
    .command('set')
    .argument('[path]', 'a .cedar or .rules.json file, or a directory of them; else HOME/policy')
    .description('put policies in force; a bad set keeps the old one')
    .action((path: string | undefined) =>
      run(async ({ operator, out, home }) => {
        const files = readPolicyFiles(path ?? home.policy);
        return finish(out, await (await operator()).call('policy.set', { files }), 'is in force');
      }),
    );
}

function caseLines({ name, expected, got, passed, rules, why }: CaseResult): readonly string[] {
  const grounds = [...rules, ...(why === undefined ? [] : [plain(why)])];
  const verdict = passed ? got : `${got}, expected ${expected}`;
  return [
    `${passed ? 'ok  ' : 'FAIL'} ${plain(name)}: ${verdict}`,
    ...(passed ? [] : grounds.map((ground) => `       ${ground}`)),
  ];
}

function finish(out: Output, report: PolicyReport, verdict: string): number {
  for (const warning of report.warnings) out.note(`warning: ${plain(warning)}`);
  if (report.errors.length > 0) {
    throw new WarderError('usage', `the policy is not sound: ${report.errors.join('; ')}`, {
      hint: 'nothing was changed; mend the named places and try again',
      data: { errors: report.errors },
    });
  }
  out.result(report, `policy ${report.digest} ${verdict}`);
  return 0;
}

function readCases(path: string): string {
  return readGivenText(path, { hint: 'name a JSON file of cases; docs/policy.md shows one' });
}
