import { stepEventSchema } from '../../src/aws/protocol/job-state.ts';
import { barrierStep } from '../steps/barrier.ts';
import { servedStep } from './served-step.ts';

export const reduceBarrier = servedStep({
  name: 'reduce-barrier',
  event: stepEventSchema,
  step: (event, environment) => barrierStep('reduce', event, environment),
  about: ({ jobId, progress }) => ({ jobId, stage: 'reduce', round: progress.handedOut.reduce ?? 0 }),
  answer: (state) => state,
});
