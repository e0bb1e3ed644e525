/**
 * The identifiers of jobs, tasks and attempts: job > stage > task > attempt. They are branded strings, so that the compiler
 * refuses a TaskId where an AttemptId is expected. The functions below are the only places that add a brand.
 */

declare const brand: unique symbol;
type Branded<Name extends string> = string & { readonly [brand]: Name };

export type JobId = Branded<'JobId'>;
/** `m-00042` for a map task, `r-00007` for a reduce task; the number is the task's index in its stage. */
export type TaskId = Branded<'TaskId'>;
/** `m-00042.1`: the task, and what distinguishes its attempts (a counter in a local run, the request id on AWS). */
export type AttemptId = Branded<'AttemptId'>;

/** The stages that a job may have, in order, and the letter that starts the ids of their tasks. */
const TASK_LETTERS = { map: 'm', reduce: 'r' } as const;

export type Stage = keyof typeof TASK_LETTERS;

export const STAGES = ['map', 'reduce'] as const satisfies readonly Stage[];

const JOB_ID_PATTERN = /^[A-Za-z0-9][A-Za-z0-9._-]{0,79}$/;
const TASK_ID = `[${Object.values(TASK_LETTERS).join('')}]-\\d{5,}`;
const TASK_ID_PATTERN = new RegExp(`^${TASK_ID}$`);
const ATTEMPT_ID_PATTERN = new RegExp(`^${TASK_ID}\\.[A-Za-z0-9._-]+$`);

/** Used in messages. */
export const JOB_ID_RULE =
  "must consist of 1 to 80 letters, digits, '.', '_' or '-', and start with a letter or digit";

/** Job ids become parts of object keys and execution names, so they are short and plain: see JOB_ID_RULE. */
export function isJobId(text: string): text is JobId {
  return JOB_ID_PATTERN.test(text);
}

/** @throws RangeError for a text that is not a job id */
export function jobId(text: string): JobId {
  if (isJobId(text)) return text;
  throw new RangeError(`a job id ${JOB_ID_RULE}; received '${text}'`);
}

export function taskId(stage: Stage, index: number): TaskId {
  return `${TASK_LETTERS[stage]}-${paddedIndex(index)}` as TaskId;
}

export function isTaskId(text: string): text is TaskId {
  return TASK_ID_PATTERN.test(text);
}

export function isAttemptId(text: string): text is AttemptId {
  return ATTEMPT_ID_PATTERN.test(text);
}

/** @throws RangeError for a text that is not a task id */
export function stageOf(task: TaskId): Stage {
  const stage = STAGES.find((each) => task.startsWith(`${TASK_LETTERS[each]}-`));
  if (stage === undefined) throw new RangeError(`'${task}' is not the id of a task`);
  return stage;
}

export function taskIndexOf(task: TaskId): number {
  return Number(task.slice(task.indexOf('-') + 1));
}

export function attemptId(task: TaskId, distinction: string | number): AttemptId {
  return `${task}.${distinction}` as AttemptId;
}

export function taskIdOf(attempt: AttemptId): TaskId {
  return attempt.slice(0, attempt.indexOf('.')) as TaskId;
}

/** Five digits or more, as in Hadoop's names of parts: `part-r-00007`. */
export function paddedIndex(index: number): string {
  return String(index).padStart(5, '0');
}
