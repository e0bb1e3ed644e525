/**
 * Called by the children of the reduce stage, once an attempt: any number of times for one task, also at the same time.
 * What counts is the commit of its part. Answers nothing.
 */
import { forHand, reduceEventSchema } from '../src/aws/protocol/job-state.ts';
import { serve } from './runtime/serve.ts';
import { loggedResult } from './steps/dry-run.ts';
import { reduceStep } from './steps/reduce.ts';

export const handler = serve({
  name: 'reduce',
  event: reduceEventSchema,
  step: reduceStep,
  about: ({ jobId, item, retry }) => ({ jobId, stage: 'reduce', task: item.index, retry }),
  answer: forHand,
  logged: loggedResult,
});
