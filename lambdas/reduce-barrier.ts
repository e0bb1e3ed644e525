/**
 * Verifies which reduce tasks have committed, and has missing tasks run again and damaged shuffle objects recreated, a
 * bounded number of times. The state machine calls it after each round of the reduce stage, and again if it fails.
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
