// Numbers of PKCS#11 that are used here, under their names in the standard.

export const CKA = {
  CLASS: 0x000,
  TOKEN: 0x001,
  PRIVATE: 0x002,
  LABEL: 0x003,
  KEY_TYPE: 0x100,
  ID: 0x102,
  SENSITIVE: 0x103,
  ENCRYPT: 0x104,
  DECRYPT: 0x105,
  WRAP: 0x106,
  UNWRAP: 0x107,
  SIGN: 0x108,
  VERIFY: 0x10a,
  DERIVE: 0x10c,
  EXTRACTABLE: 0x162,
  LOCAL: 0x163,
  NEVER_EXTRACTABLE: 0x164,
  ALWAYS_SENSITIVE: 0x165,
  EC_PARAMS: 0x180,
  EC_POINT: 0x181,
  ALWAYS_AUTHENTICATE: 0x202,
} as const;

export const CKO = { PUBLIC_KEY: 2, PRIVATE_KEY: 3 } as const;

/** Of a session: one that may write, and the one bit each must have. */
export const CKF_SESSION: number = 0x2 | 0x4;
/** Locks of the system are fine. */
export const CKF_OS_LOCKING_OK = 0x2;
/** Of a slot: a device, says the module. */
export const CKF_HW_SLOT = 0x4;

/** Of a token. */
export const TOKEN = {
  LOGIN_REQUIRED: 0x4,
  INITIALIZED: 0x400,
  PIN_FINAL_TRY: 0x2_0000,
  PIN_LOCKED: 0x4_0000,
} as const;

export const CKU_USER = 1;
