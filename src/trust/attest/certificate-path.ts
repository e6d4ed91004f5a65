// From a certificate to one of those the verifier trusts (RFC 5280 section 6, without names and policies).

import { WarderError } from '../../base/errors/errors.ts';
import { sameBytes } from '../../base/encoding/sha256.ts';
import { type Certificate, KEY_USAGE } from './certificate.ts';

/** What a path is built of. */
export interface PathParts {
  /** Trusted as they are, self-signed or not. */
  readonly anchors: readonly Certificate[];
  /** May stand between; nobody vouches for them. */
  readonly intermediates: readonly Certificate[];
  /** Wall milliseconds. */
  readonly now: number;
}

/** Longest path, without the first certificate. */
const LENGTH_MAX = 6;
const INTERMEDIATES_MAX = 32;

/**
 * Finds a path and checks it: each certificate is valid now, signed by the next one with an algorithm that
 * still counts, and each issuer is a CA that may have this path below it. No certificate is looked at twice,
 * so that crossed ones cost nothing.
 *
 * @returns the path without the first certificate, the anchor last.
 * @throws WarderError `not-trusted` when no path holds; the first reason found is told.
 */
export function findPath(leaf: Certificate, parts: PathParts): readonly Certificate[] {
  const { anchors, intermediates, now } = parts;
  if (intermediates.length > INTERMEDIATES_MAX) {
    throw new WarderError('malformed', `more than ${INTERMEDIATES_MAX} intermediate certificates`);
  }
  const [fault] = [certificateFault(leaf, now)].filter((each) => each !== undefined);
  if (fault !== undefined) distrust(`the EK certificate ${fault}`);
  const faults: string[] = [];
  const seen = new Set<Certificate>();
  let paths: readonly (readonly Certificate[])[] = [[]];
  for (let below = 0; below < LENGTH_MAX; below += 1) {
    const longer: (readonly Certificate[])[] = [];
    for (const path of paths) {
      const last = path.at(-1) ?? leaf;
      for (const issuer of [...anchors, ...intermediates]) {
        if (seen.has(issuer) || !issued(issuer, last)) continue;
        seen.add(issuer);
        const why = certificateFault(issuer, now) ?? issuerFault(issuer, below);
        if (why !== undefined) {
          faults.push(`the certificate of its issuer \`${nameOf(issuer)}\` ${why}`);
          continue;
        }
        const next = [...path, issuer];
        if (anchors.includes(issuer)) return next;
        longer.push(next);
      }
    }
    paths = longer;
  }
  return distrust(
    faults[0] ?? 'no given CA issued the EK certificate, nor one that such a CA issued',
  );
}

/** The subject in one line, for people. */
export function nameOf({ x509 }: Certificate): string {
  return x509.subject.replaceAll('\n', ', ');
}

function issued(issuer: Certificate, certificate: Certificate): boolean {
  if (issuer === certificate || !sameBytes(issuer.subject, certificate.issuer)) return false;
  try {
    return certificate.x509.verify(issuer.x509.publicKey);
  } catch {
    // A key of another kind than the signature.
    return false;
  }
}

/** What is wrong with any certificate of a path. */
function certificateFault(certificate: Certificate, now: number): string | undefined {
  const { notBefore, notAfter, signatureAlgorithm, unknownCritical, x509 } = certificate;
  if (now < notBefore) return `is valid only from ${new Date(notBefore).toISOString()}`;
  if (now > notAfter) return `expired at ${new Date(notAfter).toISOString()}`;
  if (signatureAlgorithm === undefined) return 'is signed with an algorithm that is not trusted';
  const [unknown] = unknownCritical;
  if (unknown !== undefined) return `has a critical extension nobody here knows: ${unknown}`;
  const { asymmetricKeyType: type, asymmetricKeyDetails: details = {} } = x509.publicKey;
  const strong =
    type === 'rsa'
      ? (details.modulusLength ?? 0) >= 2048 && (details.publicExponent ?? 0n) > 2n
      : type === 'ec' &&
        ['prime256v1', 'secp384r1', 'secp521r1'].includes(details.namedCurve ?? '');
  return strong ? undefined : 'has a key of a kind or size that is not trusted';
}

/** @param below issuers that stand between this one and the first certificate. */
function issuerFault({ constraints, keyUsage }: Certificate, below: number): string | undefined {
  if (constraints?.ca !== true) return 'is not that of a CA';
  if (keyUsage !== undefined && !keyUsage.has(KEY_USAGE.keyCertSign)) {
    return 'may not sign certificates';
  }
  const { pathLength } = constraints;
  if (pathLength !== undefined && below > pathLength) {
    return `allows ${pathLength} issuers below it, not ${below}`;
  }
  return undefined;
}

function distrust(why: string): never {
  throw new WarderError('not-trusted', why, {
    hint: 'give the CA of the TPM’s maker with `--ca`, and certificates between with `--intermediate`',
  });
}
