/**
 * The identifiers of a job's life: job > stage > task > attempt. They are branded strings, so that a TaskId cannot
 * pass as an AttemptId.
 */

declare const brand: unique symbol;
type Branded<Name extends string> = string & { readonly [brand]: Name };

export type JobId = Branded<'JobId'>;
/** `m-00042` for a map task, `r-00007` for a reduce task; the number is the task's index in its stage. */
export type TaskId = Branded<'TaskId'>;
/** `m-00042.1`: the task and what tells its attempts apart (a counter here, the request id on AWS). */
export type AttemptId = Branded<'AttemptId'>;

export type Stage = 'map' | 'reduce';

const JOB_ID_PATTERN = /^[A-Za-z0-9][A-Za-z0-9._-]{0,79}$/;

/** Job ids become parts of object keys and execution names: letters, digits, `.`, `_`, `-`, at most 80. */
export function isJobId(text: string): text is JobId {
  return JOB_ID_PATTERN.test(text);
}

export function jobId(text: string): JobId {
  if (!JOB_ID_PATTERN.test(text)) {
    throw new RangeError(
      `a job id is 1 to 80 letters, digits, '.', '_' or '-', and starts with a letter or digit; received '${text}'`,
    );
  }
  return text as JobId;
}

export function taskId(stage: Stage, index: number): TaskId {
  return `${stage === 'map' ? 'm' : 'r'}-${paddedIndex(index)}` as TaskId;
}

export function stageOf(task: TaskId): Stage {
  return task.startsWith('m-') ? 'map' : 'reduce';
}

export function taskIndexOf(task: TaskId): number {
  return Number(task.slice('m-'.length));
}

export function attemptId(task: TaskId, distinction: string | number): AttemptId {
  return `${task}.${distinction}` as AttemptId;
}

/** Five digits, as Hadoop names its parts: `part-r-00007`; more when there are more. */
export function paddedIndex(index: number): string {
  return String(index).padStart(5, '0');
}
