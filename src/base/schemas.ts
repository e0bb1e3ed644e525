/** Schemas for what comes from outside: events, manifests, documents on the bucket. Those of ids brand them. */
import * as v from 'valibot';
import type { RepairTarget } from './errors.ts';
import { isAttemptId, isJobId, isTaskId, JOB_ID_RULE } from './ids.ts';
import { shortened } from './shortened.ts';

export const text = v.string(({ received }) => `must be a text; received ${shortened(received)}`);

export const jobIdSchema = v.pipe(
  text,
  v.guard(isJobId, ({ input }) => `${JOB_ID_RULE}; received '${shortened(input)}'`),
);

export const taskIdSchema = v.pipe(
  text,
  v.guard(isTaskId, ({ input }) => `is the id of a task, such as m-00042; received '${shortened(input)}'`),
);

export const attemptIdSchema = v.pipe(
  text,
  v.guard(
    isAttemptId,
    ({ input }) => `is the id of an attempt, such as m-00042.1; received '${shortened(input)}'`,
  ),
);

export const repairTargetSchema: v.GenericSchema<unknown, RepairTarget> = v.union([
  v.literal('shuffle-index'),
  taskIdSchema,
]);
