import { expect, test } from 'vitest';
import { parseHead } from '../../../src/trust/verify/checkpoint.ts';
import { loadKeys } from '../../../src/trust/verify/keys.ts';
import { formatNote, parseNote, signersOf } from '../../../src/trust/verify/note.ts';
import { parseProof } from '../../../src/trust/verify/proof.ts';

const vkey = 'example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k';
const line =
  '— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n';
const note = `This is an example message.\n\n${line}`;
const bad = expect.objectContaining({ code: 'malformed' });

test('the note of the C2SP specification verifies', async () => {
  const keys = await loadKeys([vkey]);
  const parsed = parseNote(note);
  expect(await signersOf(parsed, 'example.com/foo', keys)).toHaveLength(1);
  expect(await signersOf(parsed, 'example.com/bar', keys)).toHaveLength(0);
  expect(formatNote(parsed)).toBe(note);
  const changed = parseNote(note.replace('example message', 'example massage'));
  await expect(signersOf(changed, 'example.com/foo', keys)).rejects.toMatchObject({
    code: 'verification-failed',
  });
});

test('a text may hold blank lines; the last one ends it', () => {
  expect(parseNote(`a\n\n\nb\n\n${line}`).text).toBe('a\n\n\nb\n');
});

test.each([
  ['no signature', 'text\n'],
  ['no signature after the blank line', 'text\n\n'],
  ['no final newline', note.slice(0, -1)],
  ['a hyphen for the dash', note.replace('—', '-')],
  ['two spaces', note.replace('— ', '—  ')],
  ['a trailing space', note.replace('=\n', '= \n')],
  ['a tab', note.replace('This', 'This\t')],
  ['a carriage return', note.replaceAll('\n', '\r\n')],
  ['a NUL', note.replace('This', '\u0000')],
  ['an unpaired surrogate', note.replace('This', '\ud800')],
  ['a plus in the name', note.replace('com/foo', 'com+foo')],
  ['a no-break space in the name', note.replace('com/foo', 'com\u00a0foo')],
  ['a short signature', 'text\n\n— a AAAAAA==\n'],
  ['one key twice', note + line],
  [
    '65 signatures',
    `text\n\n${Array.from({ length: 65 }, (_, at) => line.replace('foo', `f${at}`)).join('')}`,
  ],
  ['256 KiB', `${'x'.repeat(262_144)}\n\n${line}`],
])('refuses a note with %s', (_, text) => {
  expect(() => parseNote(text)).toThrow(bad);
});

test('accepts 64 signatures', () => {
  const lines = Array.from({ length: 64 }, (_, at) => line.replace('foo', `f${at}`));
  expect(parseNote(`text\n\n${lines.join('')}`).signatures).toHaveLength(64);
});

const root = Buffer.alloc(32).toString('base64');
test.each([
  ['two lines', 'o\n1\n'],
  ['an empty origin', `\n1\n${root}\n`],
  ['a leading zero', `o\n01\n${root}\n`],
  ['a sign', `o\n+1\n${root}\n`],
  ['a size beyond 2^53', `o\n9007199254740993\n${root}\n`],
  ['a short root', `o\n1\nAAAA\n`],
  ['an empty extension line', `o\n1\n${root}\n\nx\n`],
])('refuses a head with %s', (_, text) => {
  expect(() => parseHead(text)).toThrow(bad);
});

const proof = `c2sp.org/tlog-proof@v1\nextra QQ==\nindex 0\n${root}\n\n${note}`;
test('a proof is read, its checkpoint verbatim', () => {
  const { extra, index, hashes, checkpoint } = parseProof(proof);
  expect({ extra: extra?.length, index, hashes: hashes.length, checkpoint }).toEqual({
    extra: 1,
    index: 0,
    hashes: 1,
    checkpoint: note,
  });
});

test.each([
  ['another version', proof.replace('@v1', '@v9')],
  ['no index', proof.replace('index 0\n', '')],
  ['a padded index', proof.replace('index 0', 'index 00')],
  ['extra after the index', proof.replace('extra QQ==\nindex 0', 'index 0\nextra QQ==')],
  ['extra twice', proof.replace('extra QQ==\n', 'extra QQ==\nextra QQ==\n')],
  ['a short hash', proof.replace(`${root}\n\n`, 'AAAA\n\n')],
  ['64 hashes', proof.replace(`${root}\n`, `${root}\n`.repeat(64))],
  ['no blank line', proof.replaceAll('\n\n', '\n')],
])('refuses a proof with %s', (_, text) => {
  expect(() => parseProof(text)).toThrow(bad);
});
