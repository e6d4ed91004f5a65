// Whatever is asked of a signer process, in whatever order: a head of one size has one key of each role, and a key of
// the log that was followed by another never signs again.

import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { encodeUtf8 } from '../../../src/base/encoding/utf8.ts';
import { WarderError } from '../../../src/base/errors/errors.ts';
import { Succession } from '../../../src/front/signing/succession.ts';
import {
  beginning,
  createSuccession,
  type KeyRole,
} from '../../../src/front/signing/succession-file.ts';
import { signRotation } from '../../../src/trust/keyring/sign-rotation.ts';
import type { ShownRotation } from '../../../src/trust/receipt/rotation-leaf.ts';
import { makePublicJwk } from '../../../src/trust/signer/jwk.ts';
import type { PublicJwk, SignKind } from '../../../src/trust/signer/signer.ts';
import { formatHead } from '../../../src/trust/verify/checkpoint.ts';
import type { RotationClaims } from '../../../src/trust/verify/rotation.ts';
import { Random } from '../../fuzz/random.ts';
import { MadeLog } from '../../support/made-log.ts';

const KEYS = 4;
const origin = 'warder.invalid/log/0123456789abcdef';
const second = 1_790_000_000;
const clock = { wall: () => second * 1000, monotonic: () => 0 };
const directory = mkdtempSync(join(tmpdir(), 'ws-'));
afterAll(() => rmSync(directory, { recursive: true }));

const made = (role: KeyRole): PublicJwk => {
  if (role === 'log') {
    const { x } = generateKeyPairSync('ed25519').publicKey.export({ format: 'jwk' });
    return makePublicJwk('EdDSA', x, undefined);
  }
  const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const { x, y } = pair.publicKey.export({ format: 'jwk' });
  return makePublicJwk('ES256', x, y);
};
const keys: Readonly<Record<KeyRole, readonly PublicJwk[]>> = {
  signing: Array.from({ length: KEYS }, () => made('signing')),
  log: Array.from({ length: KEYS }, () => made('log')),
};
const kids = {
  signing: keys.signing.map(({ kid }) => kid),
  log: keys.log.map(({ kid }) => kid),
};

/** A signer's succession and its memory of one log, and what was signed so far. */
class Site {
  readonly #path: string;
  readonly #log = new MadeLog().calls(1);
  #succession: Succession;
  /** Largest head that was signed. */
  #signed = 0;
  /** The receipts of rotations of the log key, as they are shown. */
  readonly #receipts: (() => ShownRotation)[] = [];
  readonly #signers = new Map<string, PublicJwk>();
  /** What the last rotation that was asked for was to. */
  readonly #latest: Record<KeyRole, number> = { signing: 0, log: 0 };
  /** In the order in which they signed heads. */
  readonly logKeys: string[] = [];

  private constructor(path: string, succession: Succession) {
    this.#path = path;
    this.#succession = succession;
  }

  static async make(path: string): Promise<Site> {
    const [signing, log] = [keys.signing[0] as PublicJwk, keys.log[0] as PublicJwk];
    await createSuccession(path, origin, beginning({ signing, log }));
    return new Site(path, await Succession.open({ path, origin, kids, clock }));
  }

  async reopen(): Promise<void> {
    this.#succession = await Succession.open({ path: this.#path, origin, kids, clock });
  }

  grow(): void {
    this.#log.calls(1);
  }

  /** By the key that signs now, or by another that says it is; what it says may be of any size. */
  async rotate(role: KeyRole, to: number, ahead: number, from: number | undefined): Promise<void> {
    const line = keys[role];
    const now = this.#succession.current(role);
    const old = from === undefined ? now : (line[from] as PublicJwk);
    const next = line[to] as PublicJwk;
    if (old.kid === next.kid) return;
    this.#latest[role] = to;
    const used = line.filter(({ kid }) => this.#succession.useOf(kid) === 'retired').length;
    const claims: RotationClaims = {
      iss: origin,
      seq: used + 1,
      iat: second,
      old: old.kid,
      new: next,
      size: Math.max(0, this.#log.leaves.length + ahead),
      until: second,
      ...(role === 'log' ? { role } : {}),
    };
    const other = this.#succession.current(role === 'log' ? 'signing' : 'log');
    await this.#asked(() =>
      signRotation(
        claims,
        [old, next, other].map((key) => this.#signer(key)),
      ),
    );
    // Whether the signer took it or not: a receipt says what its writer likes.
    if (role === 'log') this.#receipts.push(this.#log.rotation(claims));
  }

  /** @param by undefined: by the key that the last rotation was to. */
  async head(role: KeyRole, by: number | undefined, receipt: number): Promise<void> {
    const key = keys[role][by ?? this.#latest[role]] as PublicJwk;
    const { size } = this.#log.tree;
    const rotation = this.#receipts.at(-1 - receipt)?.();
    const text = formatHead({ origin, size, root: this.#log.tree.root() });
    const signed = await this.#asked(() => this.#admit('checkpoint', text, key, { rotation }));
    if (!signed) return;
    this.#signed = size;
    const before = this.#signers.get(`${role} ${size}`);
    expect(before?.kid ?? key.kid, `${role} key of heads of ${size}`).toBe(key.kid);
    this.#signers.set(`${role} ${size}`, key);
    if (role === 'log' && this.logKeys.at(-1) !== key.kid) this.logKeys.push(key.kid);
  }

  async lease(by: number): Promise<void> {
    await this.#asked(() => this.#admit('lease', 'a lease', keys.signing[by] as PublicJwk));
  }

  #signer(key: PublicJwk): Parameters<typeof signRotation>[1][number] {
    return {
      key,
      custody: { backend: 'memory', summary: '' },
      roles: [],
      sign: async ({ payload }) => {
        await this.#admit('rotation', Buffer.from(payload).toString(), key);
        return new Uint8Array(64);
      },
      close: () => Promise.resolve(),
    };
  }

  async #admit(kind: SignKind, text: string, key: PublicJwk, evidence?: unknown): Promise<void> {
    const last = (): Promise<never> => Promise.resolve({ size: this.#signed } as never);
    const { before, after } = this.#succession.admitters({ last });
    for (const admitter of [...before, ...after]) {
      if (admitter.kind !== kind) continue;
      await admitter.admit({ kind, payload: encodeUtf8(text), evidence }, key);
    }
  }

  /** Whether it was signed; refused is refused, and nothing else goes wrong. */
  async #asked(asking: () => Promise<unknown>): Promise<boolean> {
    try {
      await asking();
      return true;
    } catch (error) {
      if (error instanceof WarderError && error.code === 'not-trusted') return false;
      throw error;
    }
  }
}

/** What is asked next: mostly what has a chance, of the key of now or the one that was rotated to. */
function step(site: Site, random: Random): Promise<void> | void {
  const role = random.chance(1, 3) ? 'signing' : 'log';
  const key = (odds: number): number | undefined =>
    random.chance(1, odds) ? random.below(KEYS) : undefined;
  switch (random.below(10)) {
    case 0:
      return site.reopen();
    case 1:
      return site.lease(random.below(KEYS));
    case 2:
    case 3:
      return site.grow();
    case 4:
    case 5:
      return site.rotate(role, random.below(KEYS), random.pick([0, 0, 0, -1, 2]), key(6));
    default:
      return site.head(role, key(3), random.chance(1, 4) ? 1 : 0);
  }
}

test('one key of each role for a size, and none of the log comes back', async () => {
  const seed = Number(process.env['WARDER_SEED'] ?? 20261121);
  let changes = 0;
  for (let run = 0; run < 40; run += 1) {
    const random = new Random(seed, run);
    const site = await Site.make(join(directory, `${run}.json`));
    for (let steps = 0; steps < 40; steps += 1) await step(site, random);
    expect(new Set(site.logKeys).size).toBe(site.logKeys.length);
    changes += Math.max(0, site.logKeys.length - 1);
  }
  // Else nothing was looked at.
  expect(changes).toBeGreaterThan(20);
});
