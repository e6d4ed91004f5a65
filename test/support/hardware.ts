// Whether keys are tried on devices: always, unless WARDER_TEST_HARDWARE=off, which `npm test` prints.

import { describe } from 'vitest';

/** False when SoftHSM and swtpm are left out on purpose. Where they are missing, tests fail. */
export const hardware: boolean = process.env['WARDER_TEST_HARDWARE'] !== 'off';

/** `describe` for what needs SoftHSM or swtpm. */
export function describeHardware(name: string, body: () => void): void {
  describe.runIf(hardware)(name, body);
}
