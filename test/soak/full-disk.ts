// A small disk that fills up while the log is written, and is emptied again.

import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Finding, type FuzzTarget, Met } from '../fuzz/target.ts';

const FILLER = new URL('./fill-disk.ts', import.meta.url).pathname;
/** In KiB: enough to open a log on, and filled in a second. */
const SMALLEST = 3000;

/**
 * Words that give a program a small disk of its own at `place`; undefined where neither root nor a user namespace
 * may mount one.
 */
function smallDisk(place: string, kib: number): readonly string[] | undefined {
  const mount = `mount -t tmpfs -o size=${String(kib)}k,mode=700 warder-small "$0" && exec "$@"`;
  const ways = [
    ['unshare', '-m', '--propagation', 'private', 'sh', '-c', mount, place],
    ['unshare', '-U', '-r', '-m', '--propagation', 'private', 'sh', '-c', mount, place],
  ];
  return ways.find(([program = '', ...args]) => {
    return spawnSync(program, [...args, 'true']).status === 0;
  });
}

export function canMount(): boolean {
  const place = mkdtempSync(join(tmpdir(), 'warder-full-'));
  try {
    return smallDisk(place, SMALLEST) !== undefined;
  } finally {
    rmSync(place, { recursive: true });
  }
}

export const fullDisk: FuzzTarget = {
  about: 'a log on a disk that fills up, and is emptied again',
  runs: { sample: 2, long: 200 },
  open() {
    const met = new Met();
    const directory = mkdtempSync(join(tmpdir(), 'warder-full-'));
    const place = join(directory, 'disk');
    mkdirSync(place);
    return Promise.resolve({
      met,
      run(random) {
        const [program, ...args] = smallDisk(place, SMALLEST + random.below(3000)) ?? [];
        if (program === undefined) throw new Finding('no small disk can be mounted here');
        const ran = spawnSync(
          program,
          [...args, process.execPath, '--no-warnings', FILLER, place, String(random.next())],
          { encoding: 'utf8', timeout: 120_000 },
        );
        const refused = /^filled (\d+) (\d+)$/m.exec(ran.stdout);
        if (ran.status !== 0 || refused === null) {
          throw new Finding(
            `${String(ran.status ?? ran.signal)} ${ran.stdout.slice(-2000)} ${ran.stderr.slice(-4000)}`,
          );
        }
        met.add('filled, and went on');
        met.set('acknowledged', (met.get('acknowledged') ?? 0) + Number(refused[1]));
        met.set('refused', (met.get('refused') ?? 0) + Number(refused[2]));
      },
      close() {
        rmSync(directory, { recursive: true, force: true });
        return Promise.resolve();
      },
    });
  },
};
