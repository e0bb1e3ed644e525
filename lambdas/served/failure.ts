import { failureEventSchema } from '../../src/aws/protocol/job-state.ts';
import { failureStep } from '../steps/failure.ts';
import { servedStep } from './served-step.ts';

export const failure = servedStep({
  name: 'failure',
  event: failureEventSchema,
  step: failureStep,
  about: ({ jobId, execution }) => ({ jobId: jobId ?? '', execution: execution.id }),
  answer: (failure) => failure,
});
