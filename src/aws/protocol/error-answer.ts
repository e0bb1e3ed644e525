/**
 * Passes an error out of a Lambda function as data. If a handler throws, Lambda passes only {errorType, errorMessage, trace}
 * to Step Functions, which puts that JSON into `Cause`. So the last line of `errorMessage` is the whole error as JSON, and
 * the text before it is for people:
 *
 *     task m-00001 failed permanently: UserCodeError: map() threw Error: no
 *     {"mapreduceError":1,"error":{"name":"TaskFailedError","message":"...","details":{...},"cause":{...}}}
 *
 * JSON has no raw line break, and this module writes that line last and reads only the last line. So no message can be
 * mistaken for it. The line is ASCII, because the runtime rewrites a DEL. Step Functions truncates a cause after 32,768
 * characters, and Lambda a response after 256 KB or more. So this module shortens texts until the response fits.
 */
import * as v from 'valibot';
import { type SerializedError, serializeError } from '../../base/errors.ts';
import { errorSchema } from '../../base/schemas.ts';
import { parseJson } from '../../codec/parse-json.ts';
import { cutError, type ErrorBounds } from './cut-error.ts';

/** Step Functions truncates a longer `Cause`, which is then no longer JSON. */
export const CAUSE_CHARACTERS_MAX = 32_768;
/** The difference is for characters that the runtime or Step Functions may escape. */
export const ANSWER_CHARACTERS_MAX = 30_000;

/** How much of an error is kept: from everything that people may want down to what the failure step needs to decide. */
const BOUNDS: readonly ErrorBounds[] = [
  { charactersMax: 8_192, causesMax: 3, hasStacks: false },
  { charactersMax: 2_048, causesMax: 3, hasStacks: false },
  { charactersMax: 512, causesMax: 1, hasStacks: false },
  { charactersMax: 128, causesMax: 1, hasStacks: false },
  { charactersMax: 16, causesMax: 1, hasStacks: false },
];

/** @returns the error that a handler throws instead of `thrown`: with the same name, and the data as last line of the message */
export function answerFor(thrown: unknown): Error {
  const whole = serializeError(thrown);
  const answers = BOUNDS.map((bounds) => answerOf(cutError(whole, bounds)));
  return answers.find((answer) => answerCharacters(answer) <= ANSWER_CHARACTERS_MAX) ?? answers.at(-1)!;
}

/** @returns the error that `answerFor` wrote into this `errorMessage`; undefined if there is none or it is truncated */
export function carriedError(errorMessage: string): SerializedError | undefined {
  const lastLine = errorMessage.slice(errorMessage.lastIndexOf('\n') + 1);
  try {
    const carried = v.safeParse(carriedSchema, parseJson(lastLine));
    return carried.success ? carried.output.error : undefined;
  } catch {
    return undefined;
  }
}

function answerOf(error: SerializedError): Error {
  // Lambda and Step Functions may replace or refuse half of a UTF-16 pair.
  const name = error.name.toWellFormed();
  const carried = ascii(JSON.stringify({ mapreduceError: FORMAT, error: { ...error, name } }));
  const answer = new Error(`${error.message.toWellFormed()}\n${carried}`);
  answer.name = name;
  // The stack is in the log of the function. As `trace`, it would only take up room.
  answer.stack = name;
  return answer;
}

/** The length of the error as the runtime writes it. */
function answerCharacters({ name, message, stack }: Error): number {
  return JSON.stringify({ errorType: name, errorMessage: message, trace: [stack] }).length;
}

function ascii(json: string): string {
  return json.replace(/[^ -~]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

const FORMAT = 1;
const carriedSchema = v.object({ mapreduceError: v.literal(FORMAT), error: errorSchema });
