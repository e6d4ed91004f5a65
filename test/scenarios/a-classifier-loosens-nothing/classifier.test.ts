// The classifier is somebody else's program. It hangs, crashes, floods, answers nonsense, or says that all
// is well: a refusal stays a refusal, a question a question, and no answer is itself a question.

import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import type { Classifier, ClassifierQuestion } from '../../../src/decide/risk/classifier.ts';
import { CommandClassifier } from '../../../src/decide/risk/command-classifier.ts';
import { type FakeGate, openGate } from '../../fakes/gate.ts';
import { filesOf } from '../../support/decision.ts';

const folder = mkdtempSync(join(tmpdir(), 'warder-classifier-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const QUESTION: ClassifierQuestion = { tool: 't', argumentsDigest: 'd', signals: [] };

function script(text: string, timeoutMs = 5000): Classifier {
  const path = join(folder, `${Math.floor(performance.now() * 1000)}.sh`);
  writeFileSync(path, text);
  return new CommandClassifier({ command: ['/bin/sh', path], timeoutMs });
}

const NEVERTHELESS = `echo '{"verdict":"none"}'`;

const LATE = 'did not answer in time';
const UNREADABLE = 'answered what cannot be read';

describe('no answer', () => {
  test.each<[string, string, string, number?]>([
    ['hangs', 'sleep 600', LATE, 300],
    ['hangs behind a child of its own', `${NEVERTHELESS}; sleep 600 & wait`, LATE, 300],
    ['cannot be read to its end', `${NEVERTHELESS}; sleep 600 & exit 0`, LATE, 300],
    ['crashes', `${NEVERTHELESS}; kill -9 $$`, 'ended without an answer'],
    ['fails', `${NEVERTHELESS}; exit 1`, 'ended without an answer'],
    ['says nothing', 'exit 0', UNREADABLE],
    ['floods', 'yes', 'answered too much'],
    ['floods after its answer', `${NEVERTHELESS}; yes ''`, 'answered too much'],
    ['says `allow`', `echo '{"verdict":"allow"}'`, UNREADABLE],
    ['says it twice', `echo '{"verdict":"none","verdict":"none"}'`, UNREADABLE],
    ['says more than it may', `echo '{"verdict":"none","approved":true}'`, UNREADABLE],
    ['talks', `echo 'none'`, UNREADABLE],
  ])('%s', async (_, text, why, timeoutMs) => {
    await expect(script(text, timeoutMs).classify(QUESTION)).rejects.toMatchObject({
      code: 'unavailable',
      message: `the classifier ${why}`,
    });
  });

  test('a program that is not there', async () => {
    const gone = new CommandClassifier({ command: ['/nonexistent/program'], timeoutMs: 1000 });
    await expect(gone.classify(QUESTION)).rejects.toMatchObject({ code: 'unavailable' });
  });

  test('more questions than run at once keep to their own time', async () => {
    const slow = script('sleep 600', 400);
    const asked = Array.from({ length: 20 }, () => slow.classify(QUESTION));
    for (const each of await Promise.allSettled(asked)) expect(each.status).toBe('rejected');
  });
});

test('what it is told, and what it finds of us', async () => {
  process.env['WARDER_TEST_SECRET'] = 'leak';
  const out = join(folder, 'seen');
  const answer = `{ cat; env; } > ${out}; echo '{"verdict":"ask","note":"odd\\u202e"}'`;
  expect(await script(answer).classify(QUESTION)).toEqual({
    verdict: 'ask',
    note: 'odd\\u{202e}',
  });
  delete process.env['WARDER_TEST_SECRET'];
  expect(existsSync(out)).toBe(true);
  const { readFileSync } = await import('node:fs');
  const seen = readFileSync(out, 'utf8');
  expect(seen).toContain(JSON.stringify(QUESTION));
  expect(seen).not.toContain('leak');
});

describe('at the gate', () => {
  const saying = (verdict: 'none' | 'ask' | 'refuse'): Classifier => ({
    classify: () => Promise.resolve({ verdict, note: '' }),
  });
  const silent: Classifier = { classify: () => Promise.reject(new Error('gone')) };

  async function outcome(classifier: Classifier, policy?: string, text = 'x'): Promise<string> {
    const gate: FakeGate = await openGate({
      classifier,
      ...(policy === undefined ? {} : { policy: filesOf(policy) }),
    });
    const answer = await gate.connect().call({ text });
    expect(gate.runner.ran).toHaveLength(answer.kind === 'answered' ? 1 : 0);
    return answer.kind === 'answered' ? 'runs' : answer.error.code;
  }

  test('tightens', async () => {
    expect(await outcome(saying('none'))).toBe('runs');
    expect(await outcome(saying('ask'))).toBe('approval-required');
    expect(await outcome(silent)).toBe('approval-required');
    expect(await outcome(saying('refuse'))).toBe('policy-denied');
  });

  test('and never loosens', async () => {
    const forbid = 'forbid (principal, action, resource);';
    const asks =
      'permit (principal, action, resource); @approval("why") forbid (principal, action, resource) unless { context.approved };';
    for (const verdict of ['none', 'ask', 'refuse'] as const) {
      expect(await outcome(saying(verdict), forbid)).toBe('policy-denied');
    }
    expect(await outcome(saying('none'), asks)).toBe('approval-required');
    // What warder noticed itself it cannot take back.
    const token = ['ghp', 'aB3dE6gH9jK2mN5pQ8sT1vW4yZ7bC0dF3gH6'].join('_');
    expect(await outcome(saying('none'), undefined, token)).toBe('approval-required');
  });
});
