/**
 * Verifies which map tasks have committed, has missing tasks run again a bounded number of times, and writes the index for
 * the reducers. The state machine calls it after each round of the map stage, and again if it fails.
 */
import { stepEventSchema } from '../src/aws/protocol/job-state.ts';
import { serve } from './runtime/serve.ts';
import { barrierStep } from './steps/barrier.ts';

export const handler = serve({
  name: 'map-barrier',
  event: stepEventSchema,
  step: (event, environment) => barrierStep('map', event, environment),
  about: ({ jobId, progress }) => ({ jobId, stage: 'map', round: progress.handedOut.map ?? 0 }),
  answer: (state) => state,
});
