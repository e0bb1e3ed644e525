/** The values that states pass on. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json };

export function isObject(value: Json | undefined): value is { readonly [name: string]: Json } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The size that Step Functions compares with its limit: bytes of the JSON text in UTF-8. */
export function jsonBytes(value: Json): number {
  return Buffer.byteLength(JSON.stringify(value));
}
