// X.509 certificates as a test wants them, right or wrong: a small DER writer over node:crypto.

import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';

/** A key pair of a CA or an EK. */
export interface Pair {
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
}

export interface CertificateOptions {
  readonly subject: string;
  readonly issuer: string;
  readonly key: KeyObject;
  readonly signer: KeyObject;
  readonly notBefore?: Date;
  readonly notAfter?: Date;
  readonly ca?: boolean;
  readonly pathLength?: number;
  /** Bits by RFC 5280's numbers. */
  readonly keyUsage?: readonly number[];
  readonly purposes?: readonly string[];
  /** Attributes of the TPM in a critical directory name. */
  readonly tpm?: Readonly<Record<string, string>>;
  /** IPv4 addresses the certificate is for. */
  readonly addresses?: readonly string[];
  /** Further extensions, by object identifier; all critical. */
  readonly critical?: readonly string[];
  /** `sha1` makes one nobody should take. */
  readonly hash?: 'sha256' | 'sha1';
}

/** DER of a certificate. */
export function certificate(options: CertificateOptions): Buffer {
  const { subject, issuer, key, signer, hash = 'sha256' } = options;
  const { notBefore = new Date('2020-01-01'), notAfter = new Date('2120-01-01') } = options;
  const algorithm = sequence(
    oid(
      signer.asymmetricKeyType === 'rsa'
        ? { sha256: '1.2.840.113549.1.1.11', sha1: '1.2.840.113549.1.1.5' }[hash]
        : { sha256: '1.2.840.10045.4.3.2', sha1: '1.2.840.10045.4.1' }[hash],
    ),
    ...(signer.asymmetricKeyType === 'rsa' ? [tlv(0x05)] : []),
  );
  const tbs = sequence(
    tlv(0xa0, tlv(0x02, Buffer.of(2))),
    tlv(0x02, Buffer.of(1)),
    algorithm,
    name(issuer),
    sequence(time(notBefore), time(notAfter)),
    name(subject),
    key.export({ format: 'der', type: 'spki' }),
    tlv(0xa3, sequence(...extensions(options))),
  );
  const signature = sign(hash, tbs, signer);
  return sequence(tbs, algorithm, tlv(0x03, Buffer.of(0), signature));
}

/** PEM of DER. */
export function pem(der: Uint8Array): string {
  const lines = Buffer.from(der)
    .toString('base64')
    .replace(/.{1,64}/g, '$&\n');
  return `-----BEGIN CERTIFICATE-----\n${lines}-----END CERTIFICATE-----\n`;
}

/** A key pair for a CA. */
export function caPair(): Pair {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' });
}

function extensions(options: CertificateOptions): Buffer[] {
  const { ca, pathLength, keyUsage, purposes, tpm, addresses, critical = [] } = options;
  const made: Buffer[] = [];
  if (ca !== undefined) {
    const fields = [
      ...(ca ? [tlv(0x01, Buffer.of(0xff))] : []),
      ...(pathLength === undefined ? [] : [tlv(0x02, Buffer.of(pathLength))]),
    ];
    made.push(extension('2.5.29.19', sequence(...fields)));
  }
  if (keyUsage !== undefined) {
    let bits = 0;
    for (const bit of keyUsage) bits |= 0x80 >> bit;
    made.push(extension('2.5.29.15', tlv(0x03, Buffer.of(0, bits))));
  }
  if (purposes !== undefined) made.push(extension('2.5.29.37', sequence(...purposes.map(oid))));
  if (tpm !== undefined) {
    const attributes = Object.entries(tpm).map(([type, value]) =>
      tlv(0x31, sequence(oid(type), tlv(0x0c, Buffer.from(value)))),
    );
    made.push(extension('2.5.29.17', sequence(tlv(0xa4, sequence(...attributes)))));
  }
  if (addresses !== undefined) {
    const names = addresses.map((one) => tlv(0x87, Buffer.from(one.split('.').map(Number))));
    made.push(extension('2.5.29.17', sequence(...names)));
  }
  return [...made, ...critical.map((id) => extension(id, tlv(0x05)))];
}

function extension(id: string, value: Buffer): Buffer {
  return sequence(oid(id), tlv(0x01, Buffer.of(0xff)), tlv(0x04, value));
}

function name(common: string): Buffer {
  return sequence(tlv(0x31, sequence(oid('2.5.4.3'), tlv(0x0c, Buffer.from(common)))));
}

function time(date: Date): Buffer {
  const text = date.toISOString().replace(/[-:T]|\.\d+/g, '');
  return tlv(0x18, Buffer.from(text));
}

function oid(text: string): Buffer {
  const [first = 0, second = 0, ...rest] = text.split('.').map(Number);
  const arcs = [first * 40 + second, ...rest].flatMap((arc) => {
    const digits = [arc & 0x7f];
    for (let left = Math.floor(arc / 128); left > 0; left = Math.floor(left / 128)) {
      digits.unshift((left & 0x7f) | 0x80);
    }
    return digits;
  });
  return tlv(0x06, Buffer.from(arcs));
}

function sequence(...parts: readonly Buffer[]): Buffer {
  return tlv(0x30, ...parts);
}

function tlv(tag: number, ...parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  const { length } = body;
  if (length < 0x80) return Buffer.concat([Buffer.of(tag, length), body]);
  const bytes = length < 0x100 ? [length] : [length >> 8, length & 0xff];
  return Buffer.concat([Buffer.of(tag, 0x80 | bytes.length, ...bytes), body]);
}
