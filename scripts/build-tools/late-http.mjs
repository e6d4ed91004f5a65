// Lets a QuickJS component import wasi:http, which componentize-qjs 0.4.5 cannot: while it takes
// its snapshot it offers its own wasi:io beside a stub of wasi:http and finds that the two do not
// agree on what a stream is. So the world is built with wasi:http and its own copy of wasi:io
// under a name nobody offers (`wasj`), and the finished component's imports get their right
// names. The copy of wasi:io says 0.2.11, for a component may import a name only once.

import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const STAND_IN = 'wasj:';

/** A WIT package with wasi:http and wasi:io under their stand-in names. */
export function standIn(from, to) {
  cpSync(from, to, { recursive: true });
  const file = join(to, 'package.wit');
  const text = readFileSync(file, 'utf8')
    .replaceAll(/wasi:io(\/[a-z]+)?@0\.2\.12/g, `${STAND_IN}io$1@0.2.11`)
    .replaceAll('wasi:http', `${STAND_IN}http`);
  writeFileSync(file, text);
}

/** A world or a script that refers to wasi:http by its stand-in name instead. */
export const toStandIn = (text) => text.replaceAll('wasi:http/', `${STAND_IN}http/`);

/** Gives the imports of a component their right names, in place. */
export function restoreNames(component) {
  let at = 8;
  while (at < component.length) {
    const section = component[at];
    at += 1;
    let size = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = component[at];
      at += 1;
      size += (byte & 127) * 2 ** shift;
      if (byte < 128) break;
    }
    const end = at + size;
    const imports = section === 10 ? component.subarray(at, end) : Buffer.alloc(0);
    for (let p = imports.indexOf(STAND_IN); p >= 0; p = imports.indexOf(STAND_IN, p)) {
      imports.write('wasi:', p, 'latin1');
    }
    at = end;
  }
  return component;
}
