// `warder-tpm-key/1`: a key outside its TPM. Its private half is encrypted by the storage root key of that TPM and
// useless anywhere else.

import { decodeHex, encodeHex } from '../../../base/encoding/hex.ts';
import { isJsonObject } from '../../../base/encoding/json.ts';
import { parseJson } from '../../../base/encoding/parse-json.ts';
import { encodeUtf8 } from '../../../base/encoding/utf8.ts';
import { asWarderError, WarderError } from '../../../base/errors/errors.ts';
import { PRIVATE_MAX, type WrappedObject } from '../../tpm/object-commands.ts';
import { parseSizedPublic, PUBLIC_MAX } from '../../tpm/public-area.ts';
import { TpmReader } from '../../tpm/tpm-reader.ts';
import { sized } from '../../tpm/tpm-writer.ts';
import { readPrivateFile, writePrivateFile } from '../file/private-file.ts';
import { signerTrouble } from '../trouble.ts';

const FORMAT = 'warder-tpm-key/1';
const WHAT = 'TPM key file';
const FILE_MAX = 8192;

/** Writes a new blob. @throws WarderError `conflict`, `unavailable`. */
export function writeBlob(path: string, { area, private: wrapped }: WrappedObject): void {
  const blob = {
    format: FORMAT,
    // TPM2B_PUBLIC and TPM2B_PRIVATE, as other tools for TPMs read them.
    public: encodeHex(sized(area.bytes)),
    private: encodeHex(sized(wrapped)),
  };
  writePrivateFile(path, WHAT, encodeUtf8(`${JSON.stringify(blob, undefined, 2)}\n`));
}

/** Reads a blob. @throws WarderError `unavailable`. */
export function readBlob(path: string): WrappedObject {
  const content = readPrivateFile(path, WHAT, FILE_MAX);
  try {
    const json = parseJson(content, { maxBytes: FILE_MAX, maxDepth: 2 });
    if (!isJsonObject(json)) refuse('it is no object');
    const { format, public: area, private: wrapped, ...more } = json;
    if (format !== FORMAT) refuse(`\`format\` is not \`${FORMAT}\``);
    if (Object.keys(more).length > 0) refuse('it has unknown members');
    if (typeof area !== 'string' || area.length > 2 * PUBLIC_MAX) refuse('`public`');
    if (typeof wrapped !== 'string' || wrapped.length > 4 * PRIVATE_MAX) {
      refuse('`private`');
    }
    const reader = new TpmReader(decodeHex(wrapped), '`private`');
    const body = reader.sized(PRIVATE_MAX);
    reader.end();
    return { area: parseSizedPublic(decodeHex(area), '`public`'), private: body };
  } catch (cause) {
    const why = asWarderError(cause).message;
    throw signerTrouble('misconfigured', `the ${WHAT} \`${path}\` is damaged: ${why}`, {
      cause,
      hint: 'restore it from a backup',
    });
  }
}

function refuse(why: string): never {
  throw new WarderError('malformed', why);
}
