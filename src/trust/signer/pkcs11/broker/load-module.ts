// Loads graphene and, through it, the vendor's module.

import type { Module } from 'graphene-pk11';
import { signerTrouble } from '../../trouble.ts';
import { CKF_OS_LOCKING_OK } from './cryptoki.ts';
import { answerOf, deviceTrouble } from './device-trouble.ts';

/** What modules answer that find no device, connector or directory of theirs when they start. */
const FINDS_NOTHING: ReadonlySet<unknown> = new Set([
  'CKR_DEVICE_ERROR',
  'CKR_FUNCTION_FAILED',
  'CKR_GENERAL_ERROR',
]);

/** @throws WarderError `unavailable` when graphene is not installed or compiled, or the module does not load. */
export async function loadModule(path: string): Promise<Module> {
  let graphene: typeof import('graphene-pk11');
  try {
    graphene = await import('graphene-pk11');
  } catch (cause) {
    throw signerTrouble('misconfigured', 'PKCS#11 support is not installed', {
      cause,
      hint: 'run `npm run setup:pkcs11` in the checkout: it compiles pkcs11js',
    });
  }
  let module: Module;
  try {
    module = graphene.Module.load(path);
  } catch (cause) {
    const text = cause instanceof Error ? cause.message : String(cause);
    throw signerTrouble('misconfigured', `\`${path}\` does not load as a PKCS#11 module: ${text}`, {
      cause,
      hint: 'name the shared library of the device in `module-path`, for this machine',
    });
  }
  try {
    module.initialize({ flags: CKF_OS_LOCKING_OK });
  } catch (thrown) {
    const answer = answerOf(thrown);
    if (!FINDS_NOTHING.has(answer)) {
      throw deviceTrouble(thrown, `initialize the module \`${path}\``);
    }
    throw signerTrouble('removed', `the module \`${path}\` does not start: ${answer ?? ''}`, {
      cause: thrown,
      hint: 'it does not find its device, connector or directory; it is started anew with the next signature',
    });
  }
  return module;
}
