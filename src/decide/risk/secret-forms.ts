// Texts that are secrets by their form: keys and tokens of well-known issuers, and what was made at random.

interface Form {
  /** For the person who is asked. */
  readonly what: string;
  readonly pattern: RegExp;
}

/**
 * Every pattern begins where a run of its own characters begins and repeats nothing without a bound, so
 * that no text takes more than a fixed number of steps for each of its characters.
 */
const FORMS: readonly Form[] = [
  {
    what: 'an AWS key',
    pattern: /(?<![A-Za-z0-9])(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}(?![A-Za-z0-9])/,
  },
  {
    what: 'a GitHub token',
    pattern: /(?<![A-Za-z0-9_])(?:gh[pousr]_[A-Za-z0-9]{36,255}|github_pat_[A-Za-z0-9_]{40,255})/,
  },
  {
    what: 'a GitLab token',
    pattern: /(?<![A-Za-z0-9_-])gl(?:pat|dt|rt|cbt|ptt)-[A-Za-z0-9_-]{20,255}/,
  },
  {
    what: 'a Slack token',
    pattern:
      /(?<![A-Za-z0-9_-])(?:xox[abeoprs]-[A-Za-z0-9-]{10,255}|xapp-[0-9]-[A-Za-z0-9-]{10,255})|hooks\.slack\.com\/services\/T[A-Z0-9]{6,20}\/B[A-Z0-9]{6,20}\/[A-Za-z0-9]{16,40}/,
  },
  { what: 'a Stripe key', pattern: /(?<![A-Za-z0-9_])[rs]k_(?:live|test)_[A-Za-z0-9]{16,255}/ },
  {
    what: 'a Google key',
    pattern: /(?<![A-Za-z0-9_-])(?:AIza[A-Za-z0-9_-]{35}|ya29\.[A-Za-z0-9_-]{20,1024})/,
  },
  {
    what: 'a package registry token',
    pattern: /(?<![A-Za-z0-9_-])(?:npm_[A-Za-z0-9]{36}|pypi-[A-Za-z0-9_-]{50,512})/,
  },
  { what: 'a SendGrid key', pattern: /(?<![A-Za-z0-9_-])SG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}/ },
  { what: 'a Vault token', pattern: /(?<![A-Za-z0-9_-])hv[bs]\.[A-Za-z0-9_-]{24,512}/ },
  { what: 'an age key', pattern: /AGE-SECRET-KEY-1[0-9A-Z]{58}/ },
  {
    what: 'a private key',
    pattern: /-----BEGIN (?:[A-Z0-9]{1,20} ){0,4}PRIVATE KEY|PuTTY-User-Key-File-[0-9]/,
  },
  {
    what: 'a JSON web token',
    pattern:
      /(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{8,8192}\.eyJ[A-Za-z0-9_-]{8,8192}\.[A-Za-z0-9_-]{16,2048}/,
  },
];

/** An `sk-` key; hyphenated words begin like that too, so its characters have to be mixed. */
const HYPHENATED = /(?<![A-Za-z0-9_-])sk-([A-Za-z0-9_-]{20,256})/g;

/** What secret a text holds, judged by its form: `a GitHub token`; undefined when none is known. */
export function secretForm(text: string): string | undefined {
  const form = FORMS.find(({ pattern }) => pattern.test(text));
  if (form !== undefined) return form.what;
  for (const [, key = ''] of text.matchAll(HYPHENATED)) if (isMixed(key)) return 'a service key';
  return undefined;
}

/** Shorter texts have too few characters to tell; longer ones are data, not keys. */
const RUN = /(?<![A-Za-z0-9+/_-])[A-Za-z0-9+/_-]{32,256}(?![A-Za-z0-9+/_-])/g;
/** Bits for each character. English has about 4 with its blanks, hexadecimal at most 4. */
const RANDOM_BITS = 4.3;

/** Whether a text has a word that looks as if it was made at random. Weak: identifiers can be too. */
export function hasRandomText(text: string): boolean {
  for (const [run] of text.matchAll(RUN)) {
    if (isMixed(run) && bitsPerCharacter(run) >= RANDOM_BITS) return true;
  }
  return false;
}

function isMixed(text: string): boolean {
  return /[a-z]/.test(text) && /[A-Z]/.test(text) && /[0-9]/.test(text);
}

function bitsPerCharacter(text: string): number {
  const counts = new Map<string, number>();
  for (const character of text) counts.set(character, (counts.get(character) ?? 0) + 1);
  let bits = 0;
  for (const count of counts.values())
    bits -= (count / text.length) * Math.log2(count / text.length);
  return bits;
}
