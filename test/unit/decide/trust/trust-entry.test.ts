import { expect, it } from 'vitest';
import { parseTrustEntry } from '../../../../src/decide/trust/trust-entry.ts';
import { NOW } from '../../../support/decision.ts';

const good = { principal: 'agent:desk', level: 60 };

it('an entry is read as it is written', () => {
  expect(parseTrustEntry(good, NOW)).toEqual({ ...good, capabilities: [] });
  const whole = {
    ...good,
    capabilities: ['payments', 'eu.reviewed', 'payments'],
    expiresAt: NOW + 1,
    note: 'passed the review',
  };
  expect(parseTrustEntry(whole, NOW)).toEqual({
    ...whole,
    capabilities: ['eu.reviewed', 'payments'],
  });
});

it.each<[string, unknown, string]>([
  ['a text', 'agent:desk', 'not an object'],
  ['an unknown member', { ...good, levl: 3 }, 'did you mean `level`?'],
  ['no principal', { level: 1 }, '`principal`'],
  ['an empty principal', { ...good, principal: '' }, '`principal`'],
  [
    'a principal that is no text of whole characters',
    { ...good, principal: '\ud800' },
    '`principal`',
  ],
  ['a level in words', { ...good, level: '60' }, '`level`'],
  ['half a level', { ...good, level: 0.5 }, '`level`'],
  ['less than none', { ...good, level: -1 }, '`level`'],
  ['more than all', { ...good, level: 101 }, '`level`'],
  ['no level', { principal: 'p' }, '`level`'],
  ['a capability like a path', { ...good, capabilities: ['../x'] }, '`capabilities`'],
  ['an end that has passed', { ...good, expiresAt: NOW }, '`expiresAt`'],
  ['an end in words', { ...good, expiresAt: 'tomorrow' }, '`expiresAt`'],
  ['a note without end', { ...good, note: 'x'.repeat(501) }, '`note`'],
])('%s is refused', (_, json, reason) => {
  expect(() => parseTrustEntry(json as never, NOW)).toThrow(reason);
});
