// ULIDs: 48 bits of wall milliseconds, 80 bits of randomness, Crockford base32, 26 characters.

const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';

/**
 * A ULID. Time and randomness are handed in.
 *
 * @param now wall milliseconds.
 * @param random 10 bytes.
 */
export function ulid(now: number, random: Uint8Array): string {
  if (random.length !== 10) throw new RangeError('a ULID takes 10 random bytes');
  let time = '';
  let rest = now;
  for (let digit = 0; digit < 10; digit += 1) {
    time = ALPHABET.charAt(rest % 32) + time;
    rest = Math.floor(rest / 32);
  }
  let text = '';
  let bits = 0;
  let held = 0;
  for (const byte of random) {
    held = (held << 8) | byte;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      text += ALPHABET.charAt((held >>> bits) & 31);
    }
    held &= (1 << bits) - 1;
  }
  return time + text;
}

const ULID = /^[0-7][0-9A-HJKMNP-TV-Z]{25}$/;

/** Whether `text` is a ULID in canonical upper case. */
export function isUlid(text: string): boolean {
  return ULID.test(text);
}
