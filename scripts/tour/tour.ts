// The guided tour: a home of its own in a temporary directory, six steps that each must do what they
// say, and nothing left behind.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  createTestHome,
  type Finished,
  repository,
  runWarder,
  type TestHome,
} from '../../test/support/warder.ts';
import { Narrator } from './narrator.ts';
import { flagsWithoutJail, WITHOUT_JAIL } from './sample-tools.ts';
import { approveOnce } from './steps/approve-once.ts';
import { endpointScope } from './steps/endpoint-scope.ts';
import { pathScope } from './steps/path-scope.ts';
import { proveOffline } from './steps/prove-offline.ts';
import { realDocuments } from './steps/real-documents.ts';
import { sideBySide } from './steps/side-by-side.ts';

/** What every step is handed. */
export interface Tour {
  readonly narrator: Narrator;
  readonly home: TestHome;
  /** A directory with `docs/`, which the tour grants, and `private/`, which it does not. */
  readonly work: string;
  /** Says the command, runs it, shows what came back. */
  warder(args: readonly string[], options?: { readonly offline?: boolean }): Promise<Finished>;
  /** Adds a sample tool, saying so. */
  addTool(name: string, ...flags: readonly string[]): Promise<void>;
}

export const SECRET = 'api-token = 7d1c-e0f4-never-for-agents';

const STEPS: readonly (readonly [title: string, run: (tour: Tour) => Promise<void>])[] = [
  ['the same request, ungoverned and governed', sideBySide],
  ['real documents, sandboxed tools', realDocuments],
  ['a path outside the grant is refused', pathScope],
  ['an endpoint outside the grant is refused', endpointScope],
  ['a call held for approval runs exactly once', approveOnce],
  ['a receipt proves itself offline; a tampered one is refused', proveOffline],
];

/**
 * Takes the tour.
 *
 * @returns whether every step did what it says.
 */
export async function takeTour(write: (text: string) => void): Promise<boolean> {
  const narrator = new Narrator(write);
  const work = mkdtempSync(join(tmpdir(), 'warder-tour-'));
  let home: TestHome | undefined;
  let title = 'a home';
  const leave = (): void => {
    void (home?.remove() ?? Promise.resolve()).then(() => {
      rmSync(work, { recursive: true, force: true });
      process.exit(130);
    });
  };
  process.once('SIGINT', leave).once('SIGTERM', leave);
  try {
    mkdirSync(join(work, 'docs'));
    mkdirSync(join(work, 'private'));
    writeFileSync(join(work, 'docs', 'handbook.txt'), 'Ring twice, then wait for the archivist.\n');
    writeFileSync(join(work, 'private', 'token.txt'), `${SECRET}\n`);
    const started = await createTestHome();
    home = started;
    narrator.say(
      'A short tour of warder, in a home of its own that is removed at the end. ' +
        '`warder` below is `npm run -s warder --`.',
    );
    const unjailed = await flagsWithoutJail((args) => started.run(args));
    if (unjailed.length > 0) narrator.say(WITHOUT_JAIL);
    const tour = createTour(narrator, home, work, unjailed);
    for (const [name, run] of STEPS) {
      title = name;
      narrator.step(name);
      await run(tour);
    }
    narrator.say('');
    narrator.say('The tour is over: every step did what it says.');
    return true;
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    process.stderr.write(`error[tour]: the step "${title}" failed: ${text}\n`);
    if (process.env['WARDER_DEBUG'] !== undefined && error instanceof Error) {
      process.stderr.write(`${error.stack ?? ''}\n`);
    }
    return false;
  } finally {
    process.off('SIGINT', leave).off('SIGTERM', leave);
    await home?.remove();
    rmSync(work, { recursive: true, force: true });
  }
}

function createTour(
  narrator: Narrator,
  home: TestHome,
  work: string,
  flagsOfAll: readonly string[],
): Tour {
  const warder: Tour['warder'] = async (args, options = {}) => {
    const shown = options.offline === true ? ['--home', '/nonexistent', ...args] : args;
    narrator.command(['warder', ...shown].map(shellWord).join(' '));
    const done = options.offline === true ? await runWarder(shown) : await home.run(args);
    narrator.answer(`${done.stdout}${done.stderr}`);
    return done;
  };
  return {
    narrator,
    home,
    work,
    warder,
    addTool: async (name, ...flags) => {
      const done = await warder([
        'tool',
        'add',
        join(repository, 'tools', name),
        ...flags,
        ...flagsOfAll,
      ]);
      narrator.claim(`\`${name}\` is installed`, done.code === 0, done.stderr);
    },
  };
}

function shellWord(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
