/**
 * Runs one attempt of a reduce task. The children of the reduce stage call it once per attempt: any number of times for one
 * task, possibly at the same time. The task is done when its part is committed. The function returns nothing.
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
