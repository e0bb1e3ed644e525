/**
 * Reads what code threw, which may be anything: null, a text, a proxy, an error of another realm or one whose properties
 * throw. Reading it must not throw again: that error would be mistaken for one of the engine's.
 */
export interface ThrownFields {
  readonly name: string;
  readonly message: string;
  readonly stack: string | undefined;
  readonly cause: unknown;
  /** False for a value that is not an error; then `message` is its text. */
  readonly isError: boolean;
}

export function thrownFields(thrown: unknown): ThrownFields {
  if (!isErrorLike(thrown)) {
    return { name: 'Error', message: textOf(thrown), stack: undefined, cause: undefined, isError: false };
  }
  const name = readField(thrown, 'name');
  const message = readField(thrown, 'message');
  const stack = readField(thrown, 'stack');
  return {
    name: typeof name === 'string' ? name : 'Error',
    message: typeof message === 'string' ? message : '(an error whose message is not a text)',
    stack: typeof stack === 'string' ? stack : undefined,
    cause: readField(thrown, 'cause'),
    isError: true,
  };
}

/** Never throws. */
export function textOf(value: unknown): string {
  try {
    return String(value);
  } catch {
    return `(${typeof value} that cannot be converted to text)`;
  }
}

/** Like `instanceof`, for a value that may be a proxy that throws. */
export function isInstance<T>(value: unknown, type: abstract new (...given: never[]) => T): value is T {
  try {
    return value instanceof type;
  } catch {
    return false;
  }
}

/** Errors of other realms, such as node:vm's, are not instances of this realm's Error. */
function isErrorLike(thrown: unknown): thrown is object {
  if (typeof thrown !== 'object' || thrown === null) return false;
  return (
    isInstance(thrown, Error) ||
    (typeof readField(thrown, 'message') === 'string' && typeof readField(thrown, 'stack') === 'string')
  );
}

/** Returns undefined if reading the field throws. */
export function readField(from: object, name: string): unknown {
  try {
    return Reflect.get(from, name);
  } catch {
    return undefined;
  }
}
