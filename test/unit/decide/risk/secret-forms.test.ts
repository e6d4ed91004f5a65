// Which texts are secrets by their form, and which harmless ones are not.

import { describe, expect, test } from 'vitest';
import { hasRandomText, secretForm } from '../../../../src/decide/risk/secret-forms.ts';

function joined(...parts: readonly string[]): string {
  return parts.join('');
}

/** Made up, and put together here so that nobody's scanner takes this file for a leak. */
const SECRETS: readonly (readonly [what: string, text: string])[] = [
  ['an AWS key', joined('AKIA', 'Q3EGRXS7VTWU2K5M')],
  ['a GitHub token', joined('ghp_', 'aB3dE6gH9jK2mN5pQ8sT1vW4yZ7bC0dF3gH6')],
  ['a GitHub token', joined('github_pat_', '11ABCDEFG0aBcDeFgHiJkL_mNoPqRsTuVwXyZ0123456789')],
  ['a GitLab token', joined('glpat-', 'x1Y2z3A4b5C6d7E8f9G0')],
  ['a Slack token', joined('xoxb-', '2488133790-2488133791-aBcDeFgHiJkLmNoP')],
  ['a Stripe key', joined('sk_live_', '4eC39HqLyjWDarjtT1zdp7dc')],
  ['a Google key', joined('AIza', 'SyD3xAmPl3xAmPl3xAmPl3xAmPl3xAmPl3x')],
  ['a package registry token', joined('npm_', 'aB3dE6gH9jK2mN5pQ8sT1vW4yZ7bC0dF3gH6')],
  ['a private key', '-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAA'],
  ['a private key', '-----BEGIN PRIVATE KEY-----'],
  [
    'a JSON web token',
    joined('ey', 'JhbGciOiJFUzI1NiJ9.ey', 'JzdWIiOiJhbGljZSJ9.c2lnbmF0dXJlLW9mLWl0'),
  ],
  ['a service key', joined('sk-', 'proj-4f9Qx7Lm2Zt8Rb1Vn6Kc3Wd')],
];

describe('secrets', () => {
  test.each(SECRETS)('%s', (what, text) => {
    expect(secretForm(text)).toBe(what);
    expect(secretForm(`see "${text}", please`)).toBe(what);
    expect(secretForm(`key=${text}\n`)).toBe(what);
  });

  test.each([
    'an ordinary sentence about AKIA and ghp_ and xoxb- and eyJ',
    'sk-learn-is-a-library-with-a-very-long-name',
    'risk-assessment-of-the-2026-roadmap-A1',
    '-----BEGIN CERTIFICATE-----',
    '-----BEGIN PUBLIC KEY-----',
    'd3b07384d113edec49eaa6238ad5ff00d3b07384d113edec49eaa6238ad5ff00',
    'f81d4fae-7dec-11d0-a765-00a0c91e6bf6',
    'https://example.com/a/b/c?d=e',
    '',
  ])('not %s', (text) => {
    expect(secretForm(text)).toBeUndefined();
  });
});

describe('what was made at random', () => {
  test.each(['Zk3vQ9xT2mB7wR4yL8nH1sD6fJ0gC5pA', 'q7Hn/4Wm+2Kx9Zt5Vb8Rc1Ld6Fs3Gy0J'])(
    '%s',
    (text) => {
      expect(hasRandomText(`token ${text} end`)).toBe(true);
    },
  );

  test.each([
    'd3b07384d113edec49eaa6238ad5ff00d3b07384d113edec49eaa6238ad5ff00',
    'f81d4fae-7dec-11d0-a765-00a0c91e6bf6-00a0c91e6bf6',
    'aVeryLongIdentifierNameThatSomebodyWroteInCamelCase',
    'src/front/daemon/operations/approval-summary.test.ts',
    'A1'.repeat(40),
    'Zk3vQ9xT2mB7wR4yL8nH1sD6fJ0gC5pA'.repeat(20),
  ])('not %s', (text) => {
    expect(hasRandomText(`token ${text} end`)).toBe(false);
  });
});
