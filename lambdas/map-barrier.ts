/**
 * Called by the state machine after each round of the map stage, again when it failed: counts for itself what has
 * committed, sends what is missing round again, a bounded number of times, and writes the index for the reducers.
 */
import { stepEventSchema } from '../src/aws/protocol/job-state.ts';
import { serve } from './runtime/serve.ts';
import { mapBarrierStep } from './steps/map-barrier.ts';

export const handler = serve({
  name: 'map-barrier',
  event: stepEventSchema,
  step: mapBarrierStep,
  about: ({ jobId, mapRound }) => ({ jobId, stage: 'map', round: mapRound }),
  answer: (state) => state,
});
