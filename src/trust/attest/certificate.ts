// X.509 certificates (RFC 5280): taken apart strictly, as far as node:crypto does not say what a path needs.

import { X509Certificate } from 'node:crypto';
import { decodeBase64 } from '../../base/encoding/base64.ts';
import { encodeHex } from '../../base/encoding/hex.ts';
import { WarderError } from '../../base/errors/errors.ts';
import { CERTIFICATE_MAX } from '../tpm/evidence-json.ts';
import { DER, DerReader, readOid } from './der.ts';

/** A certificate taken apart; nothing about it is believed yet. */
export interface Certificate {
  readonly x509: X509Certificate;
  /** DER of the names, for comparison byte by byte. */
  readonly issuer: Uint8Array;
  readonly subject: Uint8Array;
  /** Wall milliseconds, both inclusive. */
  readonly notBefore: number;
  readonly notAfter: number;
  /** Algorithm its issuer signed with; undefined for one that is not trusted. */
  readonly signatureAlgorithm: string | undefined;
  readonly constraints: BasicConstraints | undefined;
  /** Bits by RFC 5280's numbers; undefined where nothing is said. */
  readonly keyUsage: ReadonlySet<number> | undefined;
  /** Object identifiers; undefined where nothing is said. */
  readonly extendedKeyUsage: readonly string[] | undefined;
  /** DER of the names besides the subject. */
  readonly alternativeNames: Uint8Array | undefined;
  /** Critical extensions that are not looked at here: who needs one cannot believe the certificate. */
  readonly unknownCritical: readonly string[];
}

export interface BasicConstraints {
  readonly ca: boolean;
  /** How many issuers may stand below this one; any number when absent. */
  readonly pathLength: number | undefined;
}

/** Bits of KeyUsage. */
export const KEY_USAGE = {
  digitalSignature: 0,
  keyEncipherment: 2,
  keyAgreement: 4,
  keyCertSign: 5,
} as const;

/** Signature algorithms with a digest that still counts. */
const SIGNATURE_ALGORITHMS: Readonly<Record<string, string>> = {
  '1.2.840.10045.4.3.2': 'ecdsa-with-SHA256',
  '1.2.840.10045.4.3.3': 'ecdsa-with-SHA384',
  '1.2.840.10045.4.3.4': 'ecdsa-with-SHA512',
  '1.2.840.113549.1.1.11': 'sha256WithRSAEncryption',
  '1.2.840.113549.1.1.12': 'sha384WithRSAEncryption',
  '1.2.840.113549.1.1.13': 'sha512WithRSAEncryption',
};

const EXTENSION = {
  keyUsage: '2.5.29.15',
  alternativeNames: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  certificatePolicies: '2.5.29.32',
  extendedKeyUsage: '2.5.29.37',
} as const;

/** Extensions that may be critical. Policies are any we were asked for: none. */
const KNOWN: readonly string[] = Object.values(EXTENSION);
const EXTENSIONS_MAX = 64;

/**
 * Reads a certificate in DER.
 *
 * @param what for messages, e.g. `the EK certificate`.
 * @throws WarderError `malformed`.
 */
export function parseCertificate(der: Uint8Array, what: string): Certificate {
  if (der.length > CERTIFICATE_MAX) refuse(what, `it is longer than ${CERTIFICATE_MAX} bytes`);
  const outer = new DerReader(der, what);
  const body = outer.inside(DER.sequence);
  outer.end();
  const tbs = body.inside(DER.sequence);
  const algorithm = body.next(DER.sequence);
  // Whole bytes: bits that count for nothing would make a second spelling.
  if (body.next(DER.bitString).content[0] !== 0) refuse(what, 'its signature ends within a byte');
  body.end();
  const version = tbs.inside(DER.explicit(0)).next(DER.integer);
  if (encodeHex(version.content) !== '02') refuse(what, 'it is not of version 3');
  tbs.next(DER.integer);
  const inner = tbs.next(DER.sequence);
  if (encodeHex(inner.whole) !== encodeHex(algorithm.whole)) {
    refuse(what, 'it names two signature algorithms');
  }
  const issuer = tbs.next(DER.sequence).whole;
  tbs.next(DER.sequence);
  const subject = tbs.next(DER.sequence).whole;
  tbs.next(DER.sequence);
  // Unique identifiers of version 2.
  tbs.optional(DER.implicit(1));
  tbs.optional(DER.implicit(2));
  const extensions = readExtensions(tbs, what);
  const x509 = openssl(der, what);
  return {
    x509,
    issuer,
    subject,
    notBefore: time(x509.validFrom, what),
    notAfter: time(x509.validTo, what),
    signatureAlgorithm:
      SIGNATURE_ALGORITHMS[readOid(new DerReader(inner.content, what).next(DER.oid))],
    constraints: read(extensions, EXTENSION.basicConstraints, what, readConstraints),
    keyUsage: read(extensions, EXTENSION.keyUsage, what, readKeyUsage),
    extendedKeyUsage: read(extensions, EXTENSION.extendedKeyUsage, what, readPurposes),
    alternativeNames: extensions.get(EXTENSION.alternativeNames)?.value,
    unknownCritical: [...extensions].flatMap(([oid, { critical }]) =>
      critical && !KNOWN.includes(oid) ? [oid] : [],
    ),
  };
}

/** Certificates of a file: PEM blocks, or one in DER. @throws WarderError `malformed`. */
export function readCertificates(file: Uint8Array, what: string): readonly Certificate[] {
  if (file.length > 32 * CERTIFICATE_MAX) refuse(what, 'it is too long');
  if (file[0] === DER.sequence) return [parseCertificate(file, what)];
  const text = Buffer.from(file).toString('latin1').replaceAll('\r\n', '\n');
  const blocks = text.split('-----BEGIN CERTIFICATE-----\n').slice(1);
  if (blocks.length === 0) refuse(what, 'there is no certificate in it');
  return blocks.map((block) => {
    const end = block.indexOf('\n-----END CERTIFICATE-----');
    if (end < 0) refuse(what, 'a PEM block has no end');
    return parseCertificate(decodeBase64(block.slice(0, end).replaceAll('\n', '')), what);
  });
}

interface Extension {
  readonly critical: boolean;
  readonly value: Uint8Array;
}

function readExtensions(tbs: DerReader, what: string): Map<string, Extension> {
  const found = new Map<string, Extension>();
  const tagged = tbs.optional(DER.explicit(3));
  tbs.end();
  if (tagged === undefined) return found;
  const wrapper = new DerReader(tagged.content, what);
  const list = wrapper.inside(DER.sequence);
  wrapper.end();
  while (list.more) {
    const extension = list.inside(DER.sequence);
    const oid = readOid(extension.next(DER.oid));
    const critical = extension.optional(DER.boolean);
    const value = extension.next(DER.octetString).content;
    extension.end();
    if (found.has(oid) || found.size === EXTENSIONS_MAX) {
      refuse(what, 'an extension stands twice, or there are too many');
    }
    found.set(oid, { critical: critical !== undefined && critical.content[0] !== 0, value });
  }
  return found;
}

function read<T>(
  extensions: ReadonlyMap<string, Extension>,
  oid: string,
  what: string,
  reader: (der: DerReader) => T,
): T | undefined {
  const extension = extensions.get(oid);
  if (extension === undefined) return undefined;
  const der = new DerReader(extension.value, what);
  const value = reader(der);
  der.end();
  return value;
}

function readConstraints(der: DerReader): BasicConstraints {
  const fields = der.inside(DER.sequence);
  const ca = fields.optional(DER.boolean);
  const length = fields.optional(DER.integer);
  fields.end();
  const [pathLength] = length?.content ?? [];
  if (length !== undefined && (length.content.length !== 1 || (pathLength ?? 0) > 0x7f)) {
    der.fail('a path length that is none');
  }
  return { ca: ca !== undefined && ca.content[0] !== 0, pathLength };
}

function readKeyUsage(der: DerReader): ReadonlySet<number> {
  const { content } = der.next(DER.bitString);
  const bits = new Set<number>();
  for (const [at, byte] of content.subarray(1).entries()) {
    for (let bit = 0; bit < 8; bit += 1) if ((byte & (0x80 >> bit)) !== 0) bits.add(at * 8 + bit);
  }
  return bits;
}

function readPurposes(der: DerReader): readonly string[] {
  const list = der.inside(DER.sequence);
  const purposes: string[] = [];
  while (list.more) purposes.push(readOid(list.next(DER.oid)));
  return purposes;
}

function openssl(der: Uint8Array, what: string): X509Certificate {
  try {
    const x509 = new X509Certificate(der);
    // Throws for a key that is none, e.g. a point beside its curve.
    void x509.publicKey;
    return x509;
  } catch (cause) {
    throw new WarderError('malformed', `${what} is no certificate`, { cause });
  }
}

/** OpenSSL writes `Nov 21 11:38:35 2026 GMT`. */
function time(text: string, what: string): number {
  const value = Date.parse(text);
  return Number.isNaN(value) ? refuse(what, 'its times are none') : value;
}

function refuse(what: string, why: string): never {
  throw new WarderError('malformed', `${what} is not usable: ${why}`);
}
