// JSON as warder understands it: the value types every room shares.

/** A JSON value after strict parsing: no duplicate members, no lone surrogates, integers within 2^53. */
export type Json = null | boolean | number | string | readonly Json[] | JsonObject;

/** A JSON object; when parsed by warder its prototype is null. */
export interface JsonObject {
  readonly [key: string]: Json;
}

/** Whether a JSON value is an object. */
export function isJsonObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
