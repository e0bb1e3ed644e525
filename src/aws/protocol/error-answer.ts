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
import { parseJson } from '../../codec/parse-json.ts';

/** Of Step Functions' `Cause`, in characters. What is longer is cut, and is JSON no more. */
export const CAUSE_CHARACTERS_MAX = 32_768;
/** The rest is for what the runtime or Step Functions may escape otherwise. */
const ANSWER_CHARACTERS_MAX = 30_000;

/** What is kept of an error, from all that people may want down to what the failure step decides by. */
const CUTS: readonly Cut[] = [
  { textCharacters: 8_192, causes: 3 },
  { textCharacters: 2_048, causes: 3 },
  { textCharacters: 512, causes: 1 },
  { textCharacters: 128, causes: 1 },
  { textCharacters: 16, causes: 1 },
];

interface Cut {
  /** Of each message, stack, printed key, file and object key. Ids are never cut. */
  readonly textCharacters: number;
  readonly causes: number;
}

/** @returns what a handler throws in place of `thrown`: under the same name, with the error as the message's last line */
export function answerFor(thrown: unknown): Error {
  const whole = serializeError(thrown);
  const answers = CUTS.map((cut) => answerOf(cutError(whole, cut)));
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

function cutError({ name, message, details, cause }: SerializedError, cut: Cut): SerializedError {
  return {
    name: shortened(name, NAME_CHARACTERS_MAX),
    message: shortened(message, cut.textCharacters),
    ...(details === undefined ? {} : { details: cutDetails(details, cut) }),
    ...(cause === undefined || cut.causes === 0
      ? {}
      : { cause: cutError(cause, { ...cut, causes: cut.causes - 1 }) }),
  };
}

const NAME_CHARACTERS_MAX = 128;

function cutDetails(details: ErrorDetails, { textCharacters }: Cut): ErrorDetails {
  const { userStack, groupKey, file, objectKey, jobName } = details;
  const texts = Object.entries({ userStack, groupKey, file, objectKey, jobName }).flatMap(([name, text]) =>
    text === undefined ? [] : [[name, shortened(text, textCharacters)] as const],
  );
  return { ...details, ...Object.fromEntries(texts) };
}

function shortened(text: string, characters: number): string {
  return text.length <= characters ? text : `${text.slice(0, characters)}...`;
}

function ascii(json: string): string {
  return json.replace(/[^ -~]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

const FORMAT = 1;
const optionalText = v.exactOptional(v.string());

const detailsSchema = v.object({
  jobName: optionalText,
  jobId: optionalText,
  taskId: optionalText,
  attemptId: optionalText,
  phase: v.exactOptional(v.picklist(['map', 'combine', 'partition', 'reduce', 'setup', 'codec'])),
  file: optionalText,
  offsetBytes: v.exactOptional(v.number()),
  groupKey: optionalText,
  objectKey: optionalText,
  toRepair: v.exactOptional(v.custom<NonNullable<ErrorDetails['toRepair']>>(isText)),
  userStack: optionalText,
} satisfies { [K in keyof Required<ErrorDetails>]: v.GenericSchema });

const errorSchema: v.GenericSchema<SerializedError> = v.object({
  name: v.string(),
  message: v.string(),
  stack: optionalText,
  details: v.exactOptional(detailsSchema),
  cause: v.exactOptional(v.lazy(() => errorSchema)),
});

const carriedSchema = v.object({ mapreduceError: v.literal(FORMAT), error: errorSchema });

function isText(value: unknown): boolean {
  return typeof value === 'string';
}
