import { stepEventSchema } from '../../src/aws/protocol/job-state.ts';
import { barrierStep } from '../steps/barrier.ts';
import { servedStep } from './served-step.ts';

export const mapBarrier = servedStep({
  name: 'map-barrier',
  event: stepEventSchema,
  step: (event, environment) => barrierStep('map', event, environment),
  about: ({ jobId, progress }) => ({ jobId, stage: 'map', round: progress.handedOut.map ?? 0 }),
  answer: (state) => state,
});
