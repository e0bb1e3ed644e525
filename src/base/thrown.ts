/**
 * What code threw, which may be anything: null, a text, a proxy, an error of another realm or one whose properties
 * throw. Reading it must not throw again: the new error would be taken for one of ours.
 */
export interface ThrownFields {
  readonly name: string;
  readonly message: string;
  readonly stack: string | undefined;
  readonly cause: unknown;
  /** False for a value that is no error: then `message` is its text. */
  readonly isError: boolean;
}

export function thrownFields(thrown: unknown): ThrownFields {
  if (!isErrorLike(thrown)) {
    return { name: 'Error', message: textOf(thrown), stack: undefined, cause: undefined, isError: false };
  }
  const name = read(thrown, 'name');
  const message = read(thrown, 'message');
  const stack = read(thrown, 'stack');
  return {
    name: typeof name === 'string' ? name : 'Error',
    message: typeof message === 'string' ? message : '(an error whose message is no text)',
    stack: typeof stack === 'string' ? stack : undefined,
    cause: read(thrown, 'cause'),
    isError: true,
  };
}

/** Never throws. */
export function textOf(value: unknown): string {
  try {
    return String(value);
  } catch {
    return `an ${typeof value} that has no text`;
  }
}

/** As `instanceof`, of a value that may be a proxy. */
export function isInstance<T>(value: unknown, type: abstract new (...given: never[]) => T): value is T {
  try {
    return value instanceof type;
  } catch {
    return false;
  }
}

/** Errors of other realms, as node:vm has them, are no instances of Error here. */
function isErrorLike(thrown: unknown): thrown is object {
  if (typeof thrown !== 'object' || thrown === null) return false;
  return (
    isInstance(thrown, Error) ||
    (typeof read(thrown, 'message') === 'string' && typeof read(thrown, 'stack') === 'string')
  );
}

function read(from: object, name: string): unknown {
  try {
    return (from as Readonly<Record<string, unknown>>)[name];
  } catch {
    return undefined;
  }
}
