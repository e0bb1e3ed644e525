import { stepEventSchema } from '../../src/aws/protocol/job-state.ts';
import { commitStep } from '../steps/commit.ts';
import { servedStep } from './served-step.ts';

export const commit = servedStep({
  name: 'commit',
  event: stepEventSchema,
  step: commitStep,
  about: ({ jobId }) => ({ jobId }),
  answer: (committed) => committed,
});
