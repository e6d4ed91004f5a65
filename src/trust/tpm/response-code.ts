// Response codes (Part 2, section 6.6) that somebody here acts upon or may want to read.

/** TPM_RC, without the number of the handle, session or parameter. */
export const TPM_RC = {
  initialize: 0x100,
  failure: 0x101,
  authType: 0x124,
  pcrChanged: 0x128,
  authUnavailable: 0x12f,
  commandCode: 0x143,
  contextGap: 0x901,
  objectMemory: 0x902,
  sessionMemory: 0x903,
  memory: 0x904,
  sessionHandles: 0x905,
  objectHandles: 0x906,
  yielded: 0x908,
  cancelled: 0x909,
  testing: 0x90a,
  referenceH0: 0x910,
  referenceH1: 0x911,
  referenceH2: 0x912,
  referenceS0: 0x918,
  referenceS1: 0x919,
  referenceS2: 0x91a,
  nvRate: 0x920,
  lockout: 0x921,
  retry: 0x922,
  nvUnavailable: 0x923,
  attributes: 0x082,
  hash: 0x083,
  value: 0x084,
  hierarchy: 0x085,
  keySize: 0x087,
  mode: 0x089,
  type: 0x08a,
  handle: 0x08b,
  authFail: 0x08e,
  nonce: 0x08f,
  scheme: 0x092,
  size: 0x095,
  key: 0x09c,
  policyFail: 0x09d,
  integrity: 0x09f,
  binding: 0x0a5,
  badAuth: 0x0a2,
  curve: 0x0a6,
  nvDefined: 0x14c,
  nvSpace: 0x14b,
} as const;

const NAMES: ReadonlyMap<number, string> = new Map(
  Object.entries(TPM_RC).map(([name, code]) => [
    code,
    name.replaceAll(/[A-Z]|\d/g, '_$&').toUpperCase(),
  ]),
);

/** Format-one codes say which handle, session or parameter they are about. */
const FORMAT_ONE = 0x080;
const ABOUT_PARAMETER = 0x040;
const ABOUT_SESSION = 0x800;

/** A response code taken apart. */
export function responseName(response: number): { readonly code: number; readonly text: string } {
  const one = (response & FORMAT_ONE) !== 0;
  const code = one ? response & 0x0bf : response & 0xfff;
  const hex = `0x${response.toString(16)}`;
  const name = NAMES.get(code);
  return {
    code,
    text: (name === undefined ? hex : `${name} (${hex})`) + (one ? about(response) : ''),
  };
}

function about(response: number): string {
  const number = (response >>> 8) & 0xf;
  if ((response & ABOUT_PARAMETER) !== 0) return `, parameter ${number}`;
  if ((response & ABOUT_SESSION) !== 0) return `, session ${number & 7}`;
  return number === 0 ? '' : `, handle ${number}`;
}
