// UTF-8 for components: the QuickJS runtime has no TextEncoder and no TextDecoder.

/** The UTF-8 bytes of a text; a lone surrogate becomes U+FFFD. */
export function encodeUtf8(text: string): Uint8Array {
  const bytes: number[] = [];
  for (const character of text) {
    let code = character.codePointAt(0) ?? 0;
    if (code >= 0xd800 && code < 0xe000) code = 0xfffd;
    if (code < 0x80) bytes.push(code);
    else if (code < 0x800) bytes.push(0xc0 | (code >> 6), 0x80 | (code & 63));
    else if (code < 0x10000) {
      bytes.push(0xe0 | (code >> 12), 0x80 | ((code >> 6) & 63), 0x80 | (code & 63));
    } else {
      bytes.push(0xf0 | (code >> 18), 0x80 | ((code >> 12) & 63));
      bytes.push(0x80 | ((code >> 6) & 63), 0x80 | (code & 63));
    }
  }
  return Uint8Array.from(bytes);
}

/** The text of UTF-8 bytes; each byte that fits nowhere becomes U+FFFD. */
export function decodeUtf8(bytes: ArrayLike<number>): string {
  const parts: string[] = [];
  let part = '';
  const at = (i: number): number => bytes[i] ?? 0;
  for (let i = 0; i < bytes.length; ) {
    const first = at(i);
    const width = first < 0x80 ? 1 : first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    let code = width === 1 ? first : first & (0xff >> (width + 1));
    let good = width > 0 && first < 0xf5 && i + width <= bytes.length;
    for (let k = 1; good && k < width; k += 1) {
      good = (at(i + k) & 0xc0) === 0x80;
      code = (code << 6) | (at(i + k) & 63);
    }
    const least = [0, 0, 0x80, 0x800, 0x10000][width] ?? 0;
    good &&= code >= least && code <= 0x10ffff && !(code >= 0xd800 && code < 0xe000);
    part += good ? String.fromCodePoint(code) : '\ufffd';
    i += good ? width : 1;
    if (part.length > 4096) {
      parts.push(part);
      part = '';
    }
  }
  return parts.join('') + part;
}

/** The text of Latin-1 (ISO 8859-1) bytes. */
export function decodeLatin1(bytes: ArrayLike<number>): string {
  const parts: string[] = [];
  for (let i = 0; i < bytes.length; i += 1) parts.push(String.fromCharCode(bytes[i] ?? 0));
  return parts.join('');
}
