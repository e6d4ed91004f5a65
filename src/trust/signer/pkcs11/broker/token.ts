// One token: logged in to once, its sessions, its keys.

import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import type { Module, Slot } from 'graphene-pk11';
import { decodeHex, encodeHex } from '../../../../base/encoding/hex.ts';
import { WarderError } from '../../../../base/errors/errors.ts';
import { readPrivateFile } from '../../file/private-file.ts';
import type { Algorithm } from '../../signer.ts';
import { signerTrouble } from '../../trouble.ts';
import { PKCS11_ALGORITHMS } from '../ec-key.ts';
import type { KeyFacts, TokenFacts } from '../messages.ts';
import { CKA, CKF_HW_SLOT, CKF_SESSION, CKO, CKU_USER, TOKEN } from './cryptoki.ts';
import { answerOf, deviceTrouble } from './device-trouble.ts';

type Library = Module['lib'];
type Handle = Slot['handle'];
type Template = Parameters<Library['C_FindObjectsInit']>[1];

/** Longest PIN, bytes. */
const PIN_MAX = 255;
/** A P-384 signature has 96 bytes; a module that says more is not believed. */
const SIGNATURE_MAX = 256;
/** Objects of one label that are looked at. */
const FIND_MAX = 16;

export class Token {
  readonly facts: TokenFacts;
  readonly #label: string;
  readonly #library: Library;
  readonly #slot: Handle;
  /** Keeps the login: it ends with the last session. */
  readonly #main: Handle;
  /** One operation at a time for each; others are opened when all are busy. */
  readonly #idle: Handle[] = [];
  readonly #keys = new Map<string, Handle>();
  /** Buffers a thread of the module works on: nobody else may keep them alive meanwhile. */
  readonly #busy = new Set<Buffer>();

  private constructor(slot: Slot, label: string, facts: TokenFacts) {
    this.facts = facts;
    this.#label = label;
    this.#library = slot.lib;
    this.#slot = slot.handle;
    this.#main = this.#open();
  }

  /**
   * Logs in to the one token of a label. The PIN is tried once, and never when it is the last try that the
   * token allows.
   *
   * @param pin path of the PIN file.
   * @throws WarderError `unavailable`.
   */
  static logIn(module: Module, label: string, pin: string | undefined): Token {
    const slot = findSlot(module, label);
    const { flags, manufacturerID, model, serialNumber } = slot.getToken();
    const token = new Token(slot, label, {
      manufacturer: manufacturerID,
      model,
      serial: serialNumber,
      hardware: (slot.flags & CKF_HW_SLOT) !== 0,
      algorithms: algorithmsOf(slot),
    });
    if ((flags & TOKEN.LOGIN_REQUIRED) !== 0) token.#logIn(flags, pin);
    return token;
  }

  /**
   * The key pair of a label: exactly one private key has it, and exactly one pair its CKA_ID.
   *
   * @throws WarderError `unavailable`.
   */
  find(object: string): KeyFacts {
    try {
      const named = this.#find(CKO.PRIVATE_KEY, CKA.LABEL, Buffer.from(object));
      const ids = named.map((handle) => this.#hex(handle, CKA.ID));
      const [id] = ids;
      if (id === undefined) {
        throw signerTrouble('removed', `the token \`${this.#label}\` has no key \`${object}\``, {
          hint: 'make it with `warder keys create`, or put in the token that has it',
        });
      }
      if (ids.length > 1) {
        const list = ids.map((each) => `\`${each}\``).join(', ');
        throw signerTrouble(
          'misconfigured',
          `${ids.length} keys of the token \`${this.#label}\` are called \`${object}\`; their CKA_IDs are ${list}`,
          { hint: 'give all but one another label, e.g. with `pkcs11-tool --set-label`' },
        );
      }
      const own = this.#one(CKO.PRIVATE_KEY, id);
      const open = this.#one(CKO.PUBLIC_KEY, id);
      this.#keys.set(id, own);
      return {
        id,
        keyType: this.#number(own, CKA.KEY_TYPE),
        params: this.#hex(open, CKA.EC_PARAMS),
        point: this.#hex(open, CKA.EC_POINT),
        attributes: {
          local: this.#flag(own, CKA.LOCAL),
          sensitive: this.#flag(own, CKA.SENSITIVE),
          alwaysSensitive: this.#flag(own, CKA.ALWAYS_SENSITIVE),
          extractable: this.#flag(own, CKA.EXTRACTABLE),
          neverExtractable: this.#flag(own, CKA.NEVER_EXTRACTABLE),
          sign: this.#flag(own, CKA.SIGN),
          alwaysAuthenticate: this.#flag(own, CKA.ALWAYS_AUTHENTICATE),
        },
      };
    } catch (thrown) {
      throw deviceTrouble(thrown, `read the key \`${object}\` of the token \`${this.#label}\``);
    }
  }

  /**
   * Whether {@link generate} would make a key, without making it.
   *
   * @throws WarderError `conflict` when a key has the label; `unavailable`.
   */
  checkNew(object: string, alg: Algorithm): void {
    if (!this.facts.algorithms.includes(alg)) {
      throw signerTrouble('misconfigured', `the token \`${this.#label}\` makes no ${alg} keys`, {
        hint: `it makes ${this.facts.algorithms.join(', ') || 'none that warder uses'}`,
      });
    }
    for (const kind of [CKO.PRIVATE_KEY, CKO.PUBLIC_KEY]) {
      if (this.#find(kind, CKA.LABEL, Buffer.from(object)).length === 0) continue;
      throw new WarderError(
        'conflict',
        `the token \`${this.#label}\` has a key \`${object}\` already`,
        { hint: 'an existing key is never overwritten: choose another label' },
      );
    }
  }

  /**
   * Has the token make a key pair.
   *
   * @throws WarderError `conflict` when a key has the label; `unavailable`.
   */
  async generate(object: string, alg: Algorithm): Promise<void> {
    const label = Buffer.from(object);
    const { generate, params } = PKCS11_ALGORITHMS[alg];
    try {
      this.checkNew(object, alg);
      const shared = [
        { type: CKA.TOKEN, value: true },
        { type: CKA.LABEL, value: label },
        { type: CKA.ID, value: randomBytes(16) },
      ];
      const open = [
        ...shared,
        { type: CKA.CLASS, value: CKO.PUBLIC_KEY },
        { type: CKA.PRIVATE, value: false },
        { type: CKA.EC_PARAMS, value: Buffer.from(params[0] ?? '', 'hex') },
        { type: CKA.VERIFY, value: true },
        { type: CKA.ENCRYPT, value: false },
        { type: CKA.WRAP, value: false },
      ];
      const own = [
        ...shared,
        { type: CKA.CLASS, value: CKO.PRIVATE_KEY },
        { type: CKA.PRIVATE, value: true },
        { type: CKA.SENSITIVE, value: true },
        { type: CKA.EXTRACTABLE, value: false },
        { type: CKA.SIGN, value: true },
        { type: CKA.DECRYPT, value: false },
        { type: CKA.UNWRAP, value: false },
        { type: CKA.DERIVE, value: false },
      ];
      const mechanism = { mechanism: generate };
      await this.#library.C_GenerateKeyPairAsync(this.#main, mechanism, open, own);
    } catch (thrown) {
      throw deviceTrouble(thrown, `make a key in the token \`${this.#label}\``);
    }
  }

  /** @throws WarderError `unavailable`. */
  async sign(id: string, mechanism: number, input: Uint8Array): Promise<Uint8Array> {
    const key = this.#keys.get(id);
    if (key === undefined) throw new TypeError('a key that was not found before');
    try {
      const session = this.#idle.pop() ?? this.#open();
      try {
        this.#library.C_SignInit(session, { mechanism }, key);
        const signature = await this.#sign(session, Buffer.from(input));
        this.#idle.push(session);
        return signature;
      } catch (thrown) {
        // An operation may still be active in it.
        this.#close(session);
        throw thrown;
      }
    } catch (thrown) {
      throw deviceTrouble(thrown, `sign in the token \`${this.#label}\``);
    }
  }

  /** Closes its sessions and with them the login. */
  close(): void {
    for (const session of [...this.#idle.splice(0), this.#main]) this.#close(session);
  }

  /** C_Sign on another thread. */
  async #sign(session: Handle, input: Buffer): Promise<Uint8Array> {
    const output = Buffer.alloc(SIGNATURE_MAX);
    this.#busy.add(input).add(output);
    try {
      return await this.#library.C_SignAsync(session, input, output);
    } finally {
      this.#busy.delete(input);
      this.#busy.delete(output);
    }
  }

  #logIn(flags: number, path: string | undefined): void {
    const label = this.#label;
    if (path === undefined) {
      throw signerTrouble('misconfigured', `the token \`${label}\` wants a PIN`, {
        hint: 'put it in a 0600 file and name that with `pin-source`',
      });
    }
    if ((flags & TOKEN.PIN_LOCKED) !== 0) {
      throw signerTrouble('auth', `the PIN of the token \`${label}\` is locked`, {
        hint: 'have its security officer unlock it, then write the PIN file anew',
      });
    }
    if ((flags & TOKEN.PIN_FINAL_TRY) !== 0) {
      throw signerTrouble(
        'auth',
        `the token \`${label}\` takes one more wrong PIN and then locks`,
        {
          hint: 'warder never uses the last try: log in by hand once, then write the PIN file anew',
        },
      );
    }
    if (!existsSync(path)) {
      throw signerTrouble('removed', `there is no PIN file \`${path}\``, {
        hint: 'write the user PIN of the token into it, mode 0600',
      });
    }
    const file = readPrivateFile(path, 'PIN file', PIN_MAX + 1);
    const pin = Buffer.from(file.at(-1) === 0x0a ? file.subarray(0, -1) : file);
    try {
      // A string is all the binding takes; it goes with this process or the next collection.
      this.#library.C_Login(this.#main, CKU_USER, pin.toString('utf8'));
    } catch (thrown) {
      if (answerOf(thrown) === 'CKR_USER_ALREADY_LOGGED_IN') return;
      throw deviceTrouble(thrown, `log in to the token \`${label}\``);
    } finally {
      pin.fill(0);
      file.fill(0);
    }
  }

  #open(): Handle {
    return this.#library.C_OpenSession(this.#slot, CKF_SESSION);
  }

  #close(session: Handle): void {
    try {
      this.#library.C_CloseSession(session);
    } catch {
      // Gone with the token.
    }
  }

  #one(kind: number, id: string): Handle {
    const [found, ...others] = this.#find(kind, CKA.ID, Buffer.from(decodeHex(id)));
    if (found !== undefined && others.length === 0) return found;
    const what = kind === CKO.PUBLIC_KEY ? 'public' : 'private';
    throw signerTrouble(
      'misconfigured',
      `the token \`${this.#label}\` has ${others.length === 0 ? 'no' : 'several'} ${what} keys with CKA_ID \`${id}\``,
      { hint: 'a private key and its public key share a CKA_ID that no other key has' },
    );
  }

  #find(kind: number, type: number, value: Buffer): readonly Handle[] {
    const template: Template = [
      { type: CKA.CLASS, value: kind },
      { type, value },
    ];
    this.#library.C_FindObjectsInit(this.#main, template);
    try {
      return this.#library.C_FindObjects(this.#main, FIND_MAX);
    } finally {
      this.#library.C_FindObjectsFinal(this.#main);
    }
  }

  #attribute(object: Handle, type: number): Buffer {
    const [attribute] = this.#library.C_GetAttributeValue(this.#main, object, [{ type }]);
    return attribute?.value ?? Buffer.alloc(0);
  }

  #hex(object: Handle, type: number): string {
    return encodeHex(this.#attribute(object, type));
  }

  #number(object: Handle, type: number): number {
    const value = this.#attribute(object, type);
    return value.length < 4 ? -1 : value.readUInt32LE(0);
  }

  #flag(object: Handle, type: number): boolean {
    try {
      return this.#attribute(object, type)[0] === 1;
    } catch (thrown) {
      if (answerOf(thrown) === 'CKR_ATTRIBUTE_TYPE_INVALID') return false;
      throw thrown;
    }
  }
}

function findSlot(module: Module, label: string): Slot {
  const found: Slot[] = [];
  try {
    const slots = module.getSlots(true);
    for (let index = 0; index < slots.length; index += 1) {
      const slot = slots.items(index);
      const token = slot.getToken();
      if ((token.flags & TOKEN.INITIALIZED) !== 0 && token.label === label) found.push(slot);
    }
  } catch (thrown) {
    throw deviceTrouble(thrown, 'look through the slots');
  }
  const [slot, ...others] = found;
  if (slot === undefined) {
    throw signerTrouble('removed', `there is no token \`${label}\``, {
      hint: 'put it in; `pkcs11-tool --module PATH --list-slots` shows what the module sees',
    });
  }
  if (others.length > 0) {
    const serials = found.map((each) => `\`${each.getToken().serialNumber}\``).join(', ');
    throw signerTrouble(
      'misconfigured',
      `${found.length} tokens are called \`${label}\`: ${serials}`,
      {
        hint: 'take out all but one, or give them labels of their own',
      },
    );
  }
  return slot;
}

function algorithmsOf(slot: Slot): readonly Algorithm[] {
  const mechanisms = slot.lib.C_GetMechanismList(slot.handle);
  return (['ES256', 'ES384', 'EdDSA'] as const).filter((alg) => {
    const { generate, sign } = PKCS11_ALGORITHMS[alg];
    return mechanisms.includes(generate) && mechanisms.includes(sign);
  });
}
