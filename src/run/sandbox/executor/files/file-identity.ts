// Numbers by which programs tell files apart. Made of the path: what the host's inodes are is none of a
// guest's business, and a listing does not have them.

/** A number for a path, never 0: programs take 0 for "unknown". (FNV-1a, two of 32 bits) */
export function identityOf(path: string): bigint {
  let low = 0x811c9dc5;
  let high = 0x01000193;
  for (let index = 0; index < path.length; index += 1) {
    const unit = path.charCodeAt(index);
    low = Math.imul(low ^ unit, 0x01000193) >>> 0;
    high = Math.imul(high ^ unit, 0x85ebca6b) >>> 0;
  }
  return (BigInt(high) << 32n) | BigInt(low === 0 ? 1 : low);
}
