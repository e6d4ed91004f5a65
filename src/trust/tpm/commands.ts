// The commands used here (Part 3): their numbers and forms, as data.

/** What is the same in every use of a command. */
export interface TpmCommand {
  readonly name: string;
  /** TPM_CC. */
  readonly code: number;
  /** How many of its handles, from the first on, want an authorisation. */
  readonly authorized: number;
  /** Whether its first parameter is a TPM2B, which a session can encrypt. */
  readonly sizedCommand: boolean;
  /** The same for the response. */
  readonly sizedResponse: boolean;
  /** Whether the response begins with a handle. */
  readonly answersHandle: boolean;
  /** Keys are made in it: on hardware this takes long. */
  readonly long: boolean;
}

/** What a command has beyond a number. */
interface Traits {
  readonly authorized?: 1 | 2;
  /** First parameters that are a TPM2B. */
  readonly sized?: 'command' | 'response' | 'both';
  readonly handle?: true;
  readonly long?: true;
}

/** A command by its name in the specification, without `TPM2_`. */
export type CommandName =
  | 'ActivateCredential'
  | 'Certify'
  | 'CertifyCreation'
  | 'Create'
  | 'CreatePrimary'
  | 'DictionaryAttackLockReset'
  | 'EvictControl'
  | 'FlushContext'
  | 'GetCapability'
  | 'GetRandom'
  | 'Load'
  | 'MakeCredential'
  | 'NV_Read'
  | 'NV_ReadPublic'
  | 'PCR_Extend'
  | 'PCR_Read'
  | 'PolicyAuthValue'
  | 'PolicyGetDigest'
  | 'PolicyPCR'
  | 'PolicyRestart'
  | 'PolicySecret'
  | 'Quote'
  | 'ReadPublic'
  | 'Sign'
  | 'StartAuthSession'
  | 'Startup';

/** Numbers and forms. */
const FORMS: Readonly<Record<CommandName, readonly [code: number, traits: Traits]>> = {
  ActivateCredential: [0x147, { authorized: 2, sized: 'both' }],
  Certify: [0x148, { authorized: 2, sized: 'both' }],
  CertifyCreation: [0x14a, { authorized: 1, sized: 'both' }],
  Create: [0x153, { authorized: 1, sized: 'both', long: true }],
  CreatePrimary: [0x131, { authorized: 1, sized: 'both', handle: true, long: true }],
  DictionaryAttackLockReset: [0x139, { authorized: 1 }],
  EvictControl: [0x120, { authorized: 1 }],
  FlushContext: [0x165, {}],
  GetCapability: [0x17a, {}],
  GetRandom: [0x17b, { sized: 'response' }],
  Load: [0x157, { authorized: 1, sized: 'both', handle: true }],
  MakeCredential: [0x168, { sized: 'both' }],
  NV_Read: [0x14e, { authorized: 1, sized: 'response' }],
  NV_ReadPublic: [0x169, { sized: 'response' }],
  PCR_Extend: [0x182, { authorized: 1 }],
  PCR_Read: [0x17e, {}],
  PolicyAuthValue: [0x16b, {}],
  PolicyGetDigest: [0x189, { sized: 'response' }],
  PolicyPCR: [0x17f, { sized: 'command' }],
  PolicyRestart: [0x180, {}],
  PolicySecret: [0x151, { authorized: 1, sized: 'both' }],
  Quote: [0x158, { authorized: 1, sized: 'both' }],
  ReadPublic: [0x173, { sized: 'response' }],
  Sign: [0x15d, { authorized: 1, sized: 'command' }],
  StartAuthSession: [0x176, { sized: 'both', handle: true }],
  Startup: [0x144, {}],
};

/** @returns what is the same in every use of it. */
export function commandOf(name: CommandName): TpmCommand {
  const [code, { authorized = 0, sized, handle = false, long = false }] = FORMS[name];
  return {
    name: `TPM2_${name}`,
    code,
    authorized,
    sizedCommand: sized === 'command' || sized === 'both',
    sizedResponse: sized === 'response' || sized === 'both',
    answersHandle: handle,
    long,
  };
}
