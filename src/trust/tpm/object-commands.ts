// Commands that make, load, name and drop objects.

import { type TpmEntity, type TpmObject, tpmObject } from './entity.ts';
import { nameOf, parsePublicArea, PUBLIC_MAX, type PublicArea } from './public-area.ts';
import type { TpmSession } from './session.ts';
import type { Authorization, Tpm } from './tpm.ts';
import { TpmFailure } from './tpm-failure.ts';
import type { TpmReader } from './tpm-reader.ts';
import { joined, sized, u32 } from './tpm-writer.ts';

/** Largest TPM2B_PRIVATE that is read. */
export const PRIVATE_MAX = 1024;
const CREATION_MAX = 1024;
const NAME_MAX = 2 + 64;
const DIGEST_MAX = 64;

/** How an object came to be, as TPM2_CertifyCreation wants it. */
export interface Creation {
  /** TPM_CREATION digest. */
  readonly hash: Uint8Array;
  /** TPMT_TK_CREATION. */
  readonly ticket: Uint8Array;
}

/** An object outside the TPM: useless without its parent. */
export interface WrappedObject {
  /** Body of the TPM2B_PRIVATE. */
  readonly private: Uint8Array;
  readonly area: PublicArea;
}

/** What a new object shall be. */
export interface ObjectRequest {
  /** TPMT_PUBLIC; see templates.ts. */
  readonly template: Uint8Array;
  /** Auth value it shall have; encrypted when the session is salted. */
  readonly auth?: Uint8Array;
}

/** Makes a primary object: the same each time, for the same template. Takes a slot until it is flushed. */
export async function createPrimary(
  tpm: Tpm,
  hierarchy: TpmEntity,
  session: Authorization,
  { template, auth }: ObjectRequest,
): Promise<TpmObject & { readonly creation: Creation }> {
  const { handle, parameters } = await tpm.run({
    command: 'CreatePrimary',
    handles: [hierarchy],
    authorize: [session],
    parameters: newObject(template, auth),
  });
  const area = readArea(parameters, 'a primary key');
  const creation = readCreation(parameters);
  const name = parameters.sized(NAME_MAX);
  parameters.end();
  const object = tpmObject(handle, area, auth);
  checkName(object.name, name);
  return { ...object, creation };
}

/** Has a parent make an object. It is not loaded by it. */
export async function create(
  tpm: Tpm,
  parent: TpmEntity,
  session: Authorization,
  { template, auth }: ObjectRequest,
): Promise<WrappedObject & { readonly creation: Creation }> {
  const { parameters } = await tpm.run({
    command: 'Create',
    handles: [parent],
    authorize: [session],
    parameters: newObject(template, auth),
  });
  const wrapped = parameters.sized(PRIVATE_MAX);
  const area = readArea(parameters, 'a new key');
  const creation = readCreation(parameters);
  parameters.end();
  return { private: wrapped, area, creation };
}

/** Loads an object below its parent. Takes a slot until it is flushed. @param auth of the object. */
export async function load(
  tpm: Tpm,
  parent: TpmEntity,
  session: Authorization,
  wrapped: WrappedObject,
  auth?: Uint8Array,
): Promise<TpmObject> {
  const { handle, parameters } = await tpm.run({
    command: 'Load',
    handles: [parent],
    authorize: [session],
    parameters: [sized(wrapped.private), sized(wrapped.area.bytes)],
  });
  const name = parameters.sized(NAME_MAX);
  parameters.end();
  const object = tpmObject(handle, wrapped.area, auth);
  checkName(object.name, name);
  return object;
}

/** What is public of a loaded or persistent object. @param guard makes the answer one nobody changed. */
export async function readPublic(
  tpm: Tpm,
  handle: number,
  guard?: TpmSession,
): Promise<{ readonly area: PublicArea; readonly qualifiedName: Uint8Array }> {
  // Its Name is not known yet; with a guard it has to be.
  const handles = [{ handle, name: new Uint8Array(0) }];
  const first = await tpm.run({ command: 'ReadPublic', handles });
  const said = readPublicAnswer(first.parameters);
  if (guard === undefined) return said;
  const again = [{ handle, name: nameOf(said.area) }];
  const second = await tpm.run({ command: 'ReadPublic', handles: again, guard });
  return readPublicAnswer(second.parameters);
}

/** Makes an object persistent, or a persistent one (`persistent` its own handle) transient no more: it is gone. */
export async function evictControl(
  tpm: Tpm,
  hierarchy: TpmEntity,
  session: Authorization,
  object: TpmEntity,
  persistent: number,
): Promise<void> {
  const { parameters } = await tpm.run({
    command: 'EvictControl',
    handles: [hierarchy, object],
    authorize: [session],
    parameters: [u32(persistent)],
  });
  parameters.end();
}

/** Gives back the slot of an object or session. */
export async function flushContext(tpm: Tpm, { handle }: { handle: number }): Promise<void> {
  const { parameters } = await tpm.run({
    command: 'FlushContext',
    parameters: [u32(handle)],
  });
  parameters.end();
}

/** TPM2B_SENSITIVE_CREATE, TPM2B_PUBLIC, no outside info, no registers. */
function newObject(template: Uint8Array, auth: Uint8Array = new Uint8Array(0)): Uint8Array[] {
  const nothing = sized();
  return [sized(joined(sized(auth), nothing)), sized(template), nothing, u32(0)];
}

function readArea(parameters: TpmReader, what: string): PublicArea {
  return parsePublicArea(parameters.sized(PUBLIC_MAX), what);
}

function readPublicAnswer(parameters: TpmReader): {
  readonly area: PublicArea;
  readonly qualifiedName: Uint8Array;
} {
  const area = readArea(parameters, 'a public area');
  const name = parameters.sized(NAME_MAX);
  const qualifiedName = parameters.sized(NAME_MAX);
  parameters.end();
  checkName(nameOf(area), name);
  return { area, qualifiedName };
}

/** TPM2B_CREATION_DATA, TPM2B_DIGEST, TPMT_TK_CREATION. */
function readCreation(parameters: TpmReader): Creation {
  parameters.sized(CREATION_MAX);
  const hash = parameters.sized(DIGEST_MAX);
  const tag = parameters.bytes(2);
  const hierarchy = parameters.bytes(4);
  const ticket = joined(tag, hierarchy, sized(parameters.sized(DIGEST_MAX)));
  return { hash, ticket };
}

function checkName(expected: Uint8Array, said: Uint8Array): void {
  const same = expected.length === said.length && expected.every((byte, at) => byte === said[at]);
  if (!same) throw new TpmFailure('untrue', 'the TPM gives a Name that is not the one of the key');
}
