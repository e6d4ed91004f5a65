// What the payload of each kind looks like, so that a signature of one kind is never one of another.

import { decodeBase64url } from '../../base/encoding/base64url.ts';
import { parseJson } from '../../base/encoding/parse-json.ts';
import { decodeUtf8 } from '../../base/encoding/utf8.ts';
import { WarderError } from '../../base/errors/errors.ts';
import type { SignKind, SignRequest } from './signer.ts';

/** Every probe starts with this, and nothing else does. */
export const PROBE_PREFIX = 'warder signer probe\n';

/** Largest payload a signer looks at, bytes. */
const PAYLOAD_MAX = 1024 * 1024;

/** `undefined`: the form is the admitter's to know; without one the kind is refused. */
const SHAPES: Readonly<Record<SignKind, ((text: string) => boolean) | undefined>> = {
  lease: (text) => jwsType(text) === 'lease+jwt',
  revocations: (text) => jwsType(text) === 'revocations+jwt',
  // C2SP tlog-checkpoint: origin, size, root hash, perhaps more lines.
  checkpoint: (text) => /^[^\n]+\n(?:0|[1-9]\d{0,15})\n[A-Za-z0-9+/]{43}=\n/.test(text),
  dsse: (text) => text.startsWith('DSSEv1 '),
  probe: (text) => text.startsWith(PROBE_PREFIX),
  attest: (text) => jwsType(text) === 'attestation+jwt',
  rotation: undefined,
};

/**
 * Refuses a payload that is not of its kind; a bare digest is of no kind.
 *
 * @param admitted whether an admitter of this kind will look at it too.
 * @throws WarderError `not-trusted`.
 */
export function checkShape(request: SignRequest, admitted: boolean): void {
  const shape = SHAPES[request.kind];
  if (request.payload.length > PAYLOAD_MAX) refuse(request.kind);
  if (shape === undefined) {
    if (!admitted) refuse(request.kind);
    return;
  }
  let fits = false;
  try {
    fits = shape(decodeUtf8(request.payload));
  } catch {
    // Not text, or not JSON where JSON belongs.
  }
  if (!fits) refuse(request.kind);
}

function jwsType(text: string): unknown {
  const parts = text.split('.');
  if (parts.length !== 2) return undefined;
  const [header = '', payload = ''] = parts;
  decodeBase64url(payload);
  return headerType(header);
}

/** Types of headers read before: those of one issuer are all alike. */
const types = new Map<string, unknown>();
const TYPES_MAX = 64;

function headerType(header: string): unknown {
  if (types.has(header)) return types.get(header);
  const fields = parseJson(decodeBase64url(header), { maxBytes: 4096, maxDepth: 4 });
  const type =
    typeof fields === 'object' && fields !== null && 'typ' in fields ? fields.typ : undefined;
  if (types.size >= TYPES_MAX) types.clear();
  types.set(header, type);
  return type;
}

function refuse(kind: SignKind): never {
  throw new WarderError('not-trusted', `the payload is not what a \`${kind}\` looks like`, {
    hint: 'a signer signs whole typed payloads, never a bare digest',
  });
}
