/** Shortens an error before it is written for people or to a place with little room. */
import type { ErrorDetails, SerializedError } from '../../base/errors.ts';
import { cut } from '../../base/show-value.ts';

export interface ErrorBounds {
  /** The maximum for each text: message, stack, printed key, names of files and objects. Ids are never cut. */
  readonly charactersMax: number;
  readonly causesMax: number;
  /** Whether to keep the engine's own stacks. */
  readonly hasStacks: boolean;
}

const NAME_CHARACTERS_MAX = 128;

export function cutError(error: SerializedError, bounds: ErrorBounds): SerializedError {
  const { name, message, stack, details, cause } = error;
  const { charactersMax, causesMax, hasStacks } = bounds;
  return {
    name: cut(name, NAME_CHARACTERS_MAX),
    message: cut(message, charactersMax),
    ...(stack === undefined || !hasStacks ? {} : { stack: cut(stack, charactersMax) }),
    ...(details === undefined ? {} : { details: cutDetails(details, charactersMax) }),
    ...(cause === undefined || causesMax === 0
      ? {}
      : { cause: cutError(cause, { ...bounds, causesMax: causesMax - 1 }) }),
  };
}

function cutDetails(details: ErrorDetails, charactersMax: number): ErrorDetails {
  const { userStack, groupKey, file, objectKey, jobName } = details;
  const texts = Object.entries({ userStack, groupKey, file, objectKey, jobName }).flatMap(([name, text]) =>
    text === undefined ? [] : [[name, cut(text, charactersMax)] as const],
  );
  return { ...details, ...Object.fromEntries(texts) };
}
