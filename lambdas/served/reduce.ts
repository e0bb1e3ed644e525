import { forHand, reduceEventSchema } from '../../src/aws/protocol/job-state.ts';
import { loggedResult } from '../steps/dry-run.ts';
import { reduceStep } from '../steps/reduce.ts';
import { servedStep } from './served-step.ts';

export const reduce = servedStep({
  name: 'reduce',
  event: reduceEventSchema,
  step: (event, environment, invocation) => reduceStep(event, environment, invocation),
  about: ({ jobId, item, retry }) => ({ jobId, stage: 'reduce', task: item.index, retry }),
  answer: forHand,
  logged: loggedResult,
});
