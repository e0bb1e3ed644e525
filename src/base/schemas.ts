/** Schemas for what comes from outside: events, manifests, documents on the bucket. Those of ids brand them. */
import * as v from 'valibot';
import type { ErrorDetails, RepairTarget, SerializedError } from './errors.ts';
import { isAttemptId, isJobId, isTaskId, JOB_ID_RULE } from './ids.ts';
import { shortened } from './show-value.ts';

export const text = v.string(({ received }) => `must be a text; received ${shortened(received)}`);

export const jobIdSchema = v.pipe(
  text,
  v.guard(isJobId, ({ input }) => `${JOB_ID_RULE}; received '${shortened(input)}'`),
);

export const taskIdSchema = v.pipe(
  text,
  v.guard(
    isTaskId,
    ({ input }) => `must be the id of a task, such as m-00042; received '${shortened(input)}'`,
  ),
);

export const attemptIdSchema = v.pipe(
  text,
  v.guard(
    isAttemptId,
    ({ input }) => `must be the id of an attempt, such as m-00042.1; received '${shortened(input)}'`,
  ),
);

const repairTargetSchema: v.GenericSchema<unknown, RepairTarget> = v.union([
  v.literal('shuffle-index'),
  taskIdSchema,
]);

const optionalText = v.exactOptional(v.string());

const detailsSchema = v.object({
  jobName: optionalText,
  jobId: v.exactOptional(jobIdSchema),
  taskId: v.exactOptional(taskIdSchema),
  attemptId: v.exactOptional(attemptIdSchema),
  phase: v.exactOptional(v.picklist(['map', 'combine', 'partition', 'reduce', 'setup', 'codec', 'output'])),
  file: optionalText,
  offsetBytes: v.exactOptional(v.number()),
  record: v.exactOptional(v.number()),
  groupKey: optionalText,
  objectKey: optionalText,
  toRepair: v.exactOptional(repairTargetSchema),
  userStack: optionalText,
} satisfies { [K in keyof Required<ErrorDetails>]: v.GenericSchema });

/** An error that was written as JSON. Drops fields that it does not know. */
export const errorSchema: v.GenericSchema<unknown, SerializedError> = v.object({
  name: v.string(),
  message: v.string(),
  stack: optionalText,
  details: v.exactOptional(detailsSchema),
  cause: v.exactOptional(v.lazy(() => errorSchema)),
});
