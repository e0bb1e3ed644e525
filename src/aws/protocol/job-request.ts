/**
 * The request for a job: the content of `requests/<name>.json`, and what the command submits.
 *
 * @example
 * { "app": "word-count", "inputs": ["input/logs/2026-*.gz"], "params": { "case": "lower" }, "reducers": 8 }
 */
import * as v from 'valibot';
import type { ParameterValue } from '../../api/job.ts';
import { LIMITS } from '../../base/limits.ts';
import { namedValues } from '../../base/named-values.ts';
import { jobIdSchema, text } from '../../base/schemas.ts';
import { shortened } from '../../base/show-value.ts';
import type { InputNames } from '../../plan/inputs/named-inputs.ts';
import { APP_NAME_CHARACTERS_MAX } from './app-name.ts';
import { CONCURRENCY_MAX } from './concurrency.ts';
import { TASKS_PER_STAGE_MAX } from './job-state.ts';
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
    `must be a whole number from ${min} to ${max}; received ${shortened(received)}`;
  return v.pipe(
    v.number(({ received }) => rule(received)),
    v.check(
      (value) => Number.isInteger(value) && value >= min && value <= max,
      ({ input }) => rule(String(input)),
    ),
  );
};

/** More is a mistake. */
export const MAX_DOLLARS_MAX = 1_000_000;

function dollarsRule(received: string): string {
  return `must be a number of US dollars above 0 and up to ${MAX_DOLLARS_MAX}; received ${shortened(received)}`;
}

const inputNames = v.pipe(
  v.array(
    inputName,
    ({ received }) =>
      `must be a list of names, or an object of lists by input; received ${shortened(received)}`,
  ),
  v.maxLength(LIMITS.inputNamesMax, ({ input }) => tooManyNames(input.length)),
);

const namedInputs = v.pipe(
  namedValues((value): value is readonly string[] => Array.isArray(value), 'a list of names'),
  v.rawCheck(({ dataset, addIssue }) => {
    if (!dataset.typed) return;
    const names = Object.values(dataset.value).flat();
    if (names.length > LIMITS.inputNamesMax) addIssue({ message: tooManyNames(names.length) });
    for (const [input, list] of Object.entries(dataset.value)) {
      for (const issue of v.safeParse(inputNames, list).issues ?? []) {
        addIssue({ message: `${shortened(input)}.${v.getDotPath(issue)}: ${issue.message}` });
      }
    }
  }),
);

function tooManyNames(count: number): string {
  return `has ${count} names; the maximum is ${LIMITS.inputNamesMax}. Name prefixes or globs instead of single objects`;
}

export const jobRequestSchema = strictFields({
  app: v.pipe(
    text,
    v.nonEmpty('is empty. Name an app, such as "word-count"'),
    v.maxLength(
      APP_NAME_CHARACTERS_MAX,
      ({ input }) =>
        `has ${input.length} characters; the maximum for the name of an app is ${APP_NAME_CHARACTERS_MAX}`,
    ),
  ),
  /**
   * The names of a job's input, or an object of lists for a job with named inputs. Empty for generated input; the plan checks
   * that they suit the app.
   */
  inputs: v.optional(
    v.lazy(
      (value): v.GenericSchema<InputNames> =>
        typeof value === 'object' && value !== null && !Array.isArray(value) ? namedInputs : inputNames,
    ),
    [],
  ),
  /** Default: output/<job id>/. */
  output: v.optional(
    v.pipe(
      text,
      v.check(
        (prefix) =>
          prefix.startsWith(OUTPUT_PREFIX) && prefix.endsWith('/') && prefix.length > OUTPUT_PREFIX.length,
        ({ input }) =>
          `must be a prefix such as '${OUTPUT_PREFIX}daily/' that starts with '${OUTPUT_PREFIX}' and ends in '/'; received '${input}'`,
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
  /** Refuses a job of more map and reduce tasks together, before any of them runs. */
  maxTasks: v.optional(wholeNumber(1, 2 * TASKS_PER_STAGE_MAX)),
  /** Refuses a job that is likely to cost more US dollars: before it runs, and again before its reduce tasks run. */
  maxDollars: v.optional(
    v.pipe(
      v.number(({ received }) => dollarsRule(received)),
      v.check(
        (dollars) => dollars > 0 && dollars <= MAX_DOLLARS_MAX,
        ({ input }) => dollarsRule(String(input)),
      ),
    ),
  ),
  /** How many tasks of a stage run at once, up to what the deployment allows. Default: that. */
  maxConcurrency: v.optional(wholeNumber(1, CONCURRENCY_MAX)),
  /** Merge the parts into one object sorted by key. */
  merge: v.optional(yesOrNo, false),
  /** Default: derived from the request's key and version. */
  jobId: v.optional(jobIdSchema),
});

/** A request as users write it. */
export type JobRequestInput = v.InferInput<(typeof jobRequestSchema)['pipe'][2]>;
/** A request as it is read, with defaults filled in. */
export type JobRequest = v.InferOutput<typeof jobRequestSchema>;

/** @throws UsageError that reports each field with a problem */
export function parseJobRequest(value: unknown, what: string): JobRequest {
  return parseWith(jobRequestSchema, value, what);
}

export function parseJobRequestText(text: string, what: string): JobRequest {
  return parseJobRequest(parseJsonFrom(text, what), what);
}
