/**
 * How an error leaves a Lambda function as data. Of what a handler throws, Lambda hands Step Functions only
 * {errorType, errorMessage, trace}, and Step Functions puts that JSON into `Cause`. So the last line of `errorMessage` is
 * the whole error as JSON, and what comes before it is for people:
 *
 *     task m-00001 failed for good: UserCodeError: map() threw Error: no
 *     {"mapreduceError":1,"error":{"name":"TaskFailedError","message":"...","details":{...},"cause":{...}}}
 *
 * JSON has no raw line break, so nothing in a message can pass for that line: this module writes it last, and reads only
 * the last. It is ASCII, as the runtime rewrites a DEL. Step Functions cuts a cause at 32,768 characters, Lambda an answer
 * at 256 KB or more; so texts are cut here until the answer fits.
 */
import * as v from 'valibot';
import { type ErrorDetails, type SerializedError, serializeError } from '../../base/errors.ts';
import { attemptIdSchema, jobIdSchema, repairTargetSchema, taskIdSchema } from '../../base/schemas.ts';
import { parseJson } from '../../codec/parse-json.ts';
import { cutError, type ErrorBounds } from './cut-error.ts';

/** Of Step Functions' `Cause`, in characters. What is longer is cut, and is JSON no more. */
export const CAUSE_CHARACTERS_MAX = 32_768;
/** The rest is for what the runtime or Step Functions may escape otherwise. */
export const ANSWER_CHARACTERS_MAX = 30_000;

/** What is kept of an error, from all that people may want down to what the failure step decides by. */
const BOUNDS: readonly ErrorBounds[] = [
  { charactersMax: 8_192, causesMax: 3, hasStacks: false },
  { charactersMax: 2_048, causesMax: 3, hasStacks: false },
  { charactersMax: 512, causesMax: 1, hasStacks: false },
  { charactersMax: 128, causesMax: 1, hasStacks: false },
  { charactersMax: 16, causesMax: 1, hasStacks: false },
];

/** @returns what a handler throws in place of `thrown`: under the same name, with the error as the message's last line */
export function answerFor(thrown: unknown): Error {
  const whole = serializeError(thrown);
  const answers = BOUNDS.map((bounds) => answerOf(cutError(whole, bounds)));
  return answers.find((answer) => answerCharacters(answer) <= ANSWER_CHARACTERS_MAX) ?? answers.at(-1)!;
}

/** @returns the error that `answerFor` wrote into this `errorMessage`; undefined when it wrote none, or not all is there */
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
  const carried = ascii(JSON.stringify({ mapreduceError: FORMAT, error }));
  const answer = new Error(`${error.message}\n${carried}`);
  answer.name = error.name;
  // The function's log has the stack; as `trace` it would only take the room of the rest.
  answer.stack = error.name;
  return answer;
}

/** As the runtime writes it. */
function answerCharacters({ name, message, stack }: Error): number {
  return JSON.stringify({ errorType: name, errorMessage: message, trace: [stack] }).length;
}

function ascii(json: string): string {
  return json.replace(/[^ -~]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

const FORMAT = 1;
const optionalText = v.exactOptional(v.string());

const detailsSchema = v.object({
  jobName: optionalText,
  jobId: v.exactOptional(jobIdSchema),
  taskId: v.exactOptional(taskIdSchema),
  attemptId: v.exactOptional(attemptIdSchema),
  phase: v.exactOptional(v.picklist(['map', 'combine', 'partition', 'reduce', 'setup', 'codec'])),
  file: optionalText,
  offsetBytes: v.exactOptional(v.number()),
  groupKey: optionalText,
  objectKey: optionalText,
  toRepair: v.exactOptional(repairTargetSchema),
  userStack: optionalText,
} satisfies { [K in keyof Required<ErrorDetails>]: v.GenericSchema });

const errorSchema: v.GenericSchema<unknown, SerializedError> = v.object({
  name: v.string(),
  message: v.string(),
  stack: optionalText,
  details: v.exactOptional(detailsSchema),
  cause: v.exactOptional(v.lazy(() => errorSchema)),
});

const carriedSchema = v.object({ mapreduceError: v.literal(FORMAT), error: errorSchema });
