// Bytes to text by the declared character set.

import { decodeLatin1, decodeUtf8 } from '../../../wit/sdk/typescript/utf8.ts';

/** Windows-1252 where it differs from Latin-1: 0x80 to 0x9f. */
const WINDOWS_1252 =
  '€\u0081‚ƒ„…†‡ˆ‰Š‹Œ\u008dŽ\u008f\u0090‘’“”•–—˜™š›œ\u009džŸ';

/** The text of a body: by its header, else by a meta element, else UTF-8. */
export function decodeBody(body: Uint8Array, contentType: string): string {
  const head = decodeLatin1(body.subarray(0, 2048));
  const named =
    /charset\s*=\s*["']?([\w.:-]+)/i.exec(contentType)?.[1] ??
    /<meta[^>]+charset\s*=\s*["']?([\w.:-]+)/i.exec(head)?.[1] ??
    'utf-8';
  if (/^(iso-8859-1|latin1|us-ascii|windows-1252|cp1252)$/i.test(named)) {
    return decodeLatin1(body).replaceAll(
      /[\u0080-\u009f]/g,
      (character) => WINDOWS_1252[character.charCodeAt(0) - 0x80] ?? character,
    );
  }
  const text = decodeUtf8(body);
  return text.startsWith('\ufeff') ? text.slice(1) : text;
}
