/**
 * What a job is asked to do: the content of `requests/<name>.json`, and what the command line submits.
 *
 * @example
 * { "app": "word-count", "inputs": ["input/logs/2026-*.gz"], "params": { "case": "lower" }, "reducers": 8 }
 */
import * as v from 'valibot';
import type { ParameterValue } from '../../api/job.ts';
import { LIMITS } from '../../base/limits.ts';
import { namedValues } from '../../base/named-values.ts';
import { jobIdSchema, text } from '../../base/schemas.ts';
import { shortened } from '../../base/shortened.ts';
import { APP_NAME_CHARACTERS_MAX } from './app-name.ts';
import { OUTPUT_PREFIX } from './keys.ts';
import { parseJsonFrom, parseWith, strictFields, yesOrNo } from './parse.ts';
import { keyProblem, outputProblem } from './request-scope.ts';

/** A request that names a million inputs should name a prefix. */
export const REQUEST_BYTES_MAX = 256 * 1024;

const inputName = v.pipe(
  text,
  v.nonEmpty("is empty. Name an object, a prefix that ends in '/', or a glob"),
  v.rawCheck(({ dataset, addIssue }) => {
    if (!dataset.typed) return;
    const problem = keyProblem(dataset.value);
    if (problem !== undefined) addIssue({ message: problem });
  }),
);

function isParameterValue(value: unknown): value is ParameterValue {
  return ['string', 'number', 'boolean'].includes(typeof value);
}

const wholeNumber = (min: number, max: number) => {
  const rule = (received: string) =>
    `is a whole number from ${min} to ${max}; received ${shortened(received)}`;
  return v.pipe(
    v.number(({ received }) => rule(received)),
    v.check(
      (value) => Number.isInteger(value) && value >= min && value <= max,
      ({ input }) => rule(String(input)),
    ),
  );
};

export const jobRequestSchema = strictFields({
  app: v.pipe(
    text,
    v.nonEmpty('is empty. Name an app, such as "word-count"'),
    v.maxLength(
      APP_NAME_CHARACTERS_MAX,
      ({ input }) =>
        `has ${input.length} characters; the name of an app has at most ${APP_NAME_CHARACTERS_MAX}`,
    ),
  ),
  inputs: v.pipe(
    v.array(inputName, ({ received }) => `is a list of names; received ${shortened(received)}`),
    v.minLength(1, 'names no input. Name objects, prefixes or globs, such as "input/logs/*.gz"'),
    v.maxLength(
      LIMITS.inputNamesMax,
      ({ input }) =>
        `has ${input.length} names; a request has at most ${LIMITS.inputNamesMax}. Name prefixes or globs in place of single objects`,
    ),
  ),
  /** Default: output/<job id>/. */
  output: v.optional(
    v.pipe(
      text,
      v.check(
        (prefix) =>
          prefix.startsWith(OUTPUT_PREFIX) && prefix.endsWith('/') && prefix.length > OUTPUT_PREFIX.length,
        ({ input }) =>
          `is a prefix such as '${OUTPUT_PREFIX}daily/': it starts with '${OUTPUT_PREFIX}' and ends in '/'; received '${input}'`,
      ),
      v.rawCheck(({ dataset, addIssue }) => {
        if (!dataset.typed) return;
        const problem = outputProblem(dataset.value);
        if (problem !== undefined) addIssue({ message: problem });
      }),
    ),
  ),
  /** Replace results that the output already holds. */
  overwrite: v.optional(yesOrNo),
  params: v.optional(namedValues(isParameterValue, 'a text, a number, or true or false'), {}),
  reducers: v.optional(wholeNumber(0, LIMITS.reducersMax)),
  splitSizeBytes: v.optional(wholeNumber(LIMITS.splitSizeBytesMin, LIMITS.splitSizeBytesMax)),
  /** Merge the parts into one object sorted by key. */
  merge: v.optional(yesOrNo, false),
  /** Default: derived from the request's key and version. */
  jobId: v.optional(jobIdSchema),
});

/** As it is written. */
export type JobRequestInput = v.InferInput<(typeof jobRequestSchema)['pipe'][2]>;
/** As it is read: defaults filled in. */
export type JobRequest = v.InferOutput<typeof jobRequestSchema>;

/** @throws UsageError that says which field has which problem. */
export function parseJobRequest(value: unknown, what: string): JobRequest {
  return parseWith(jobRequestSchema, value, what);
}

export function parseJobRequestText(text: string, what: string): JobRequest {
  return parseJobRequest(parseJsonFrom(text, what), what);
}
