/**
 * Called by the state machine after each round of the reduce stage, again when it failed: counts for itself what has
 * committed, sends what is missing round again, and has damaged shuffle objects made again, a bounded number of times.
 */
import { stepEventSchema } from '../src/aws/protocol/job-state.ts';
import { serve } from './runtime/serve.ts';
import { barrierStep } from './steps/barrier.ts';

export const handler = serve({
  name: 'reduce-barrier',
  event: stepEventSchema,
  step: (event, environment) => barrierStep('reduce', event, environment),
  about: ({ jobId, progress }) => ({ jobId, stage: 'reduce', round: progress.handedOut.reduce ?? 0 }),
  answer: (state) => state,
});
