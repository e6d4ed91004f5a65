// `warder policy`: the Cedar policies in force, and replacing them.

import { readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { Command } from 'commander';
import { WarderError } from '../../../base/errors/errors.ts';
import type { PolicyReport } from '../../console/operations.ts';
import type { Output } from '../output.ts';
import type { Run } from '../program.ts';

/** Adds `policy show|check|set`. */
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
    .argument('[path]', 'a .cedar file or a directory of them; else HOME/policy')
    .description('parse and validate against the installed tools; change nothing')
    .action((path: string | undefined) =>
      run(async ({ operator, out, home }) => {
        const files = readPolicyFiles(path ?? home.policy);
        return finish(out, await (await operator()).call('policy.check', { files }), 'is sound');
      }),
    );
  policy
    .command('set')
    .argument('[path]', 'a .cedar file or a directory of them; else HOME/policy')
    .description('put policies in force; a bad set keeps the old one')
    .action((path: string | undefined) =>
      run(async ({ operator, out, home }) => {
        const files = readPolicyFiles(path ?? home.policy);
        return finish(out, await (await operator()).call('policy.set', { files }), 'is in force');
      }),
    );
}

function finish(out: Output, report: PolicyReport, verdict: string): number {
  for (const warning of report.warnings) out.note(`warning: ${warning}`);
  if (report.errors.length > 0) {
    throw new WarderError('usage', `the policy is not sound: ${report.errors.join('; ')}`, {
      hint: 'nothing was changed; mend the named places and try again',
      data: { errors: report.errors },
    });
  }
  out.result(report, `policy ${report.digest} ${verdict}`);
  return 0;
}

/** The `.cedar` files of a directory, or one file. */
export function readPolicyFiles(path: string): { name: string; text: string }[] {
  try {
    const paths = statSync(path).isDirectory()
      ? readdirSync(path)
          .filter((name) => name.endsWith('.cedar'))
          .sort()
          .map((name) => join(path, name))
      : [path];
    return paths.map((file) => ({ name: basename(file), text: readFileSync(file, 'utf8') }));
  } catch (cause) {
    throw new WarderError('usage', `cannot read policies from \`${path}\``, {
      cause,
      hint: 'name a .cedar file or a directory that holds some',
    });
  }
}
