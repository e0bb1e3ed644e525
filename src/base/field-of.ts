/** Reads a field of parsed JSON, or of an error of a library. Returns undefined if the value has no such field. */
export function fieldOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
}

/** Like fieldOf(), for a field that counts only if it is a text. */
export function textFieldOf(value: unknown, name: string): string | undefined {
  const field = fieldOf(value, name);
  return typeof field === 'string' ? field : undefined;
}

/** The code of an error of Node.js or of a library, such as 'ENOENT'. */
export function errnoOf(error: unknown): string | undefined {
  return textFieldOf(error, 'code');
}
