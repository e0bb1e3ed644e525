import { planEventSchema } from '../../src/aws/protocol/job-state.ts';
import { planStep } from '../steps/plan.ts';
import { servedStep } from './served-step.ts';

export const plan = servedStep({
  name: 'plan',
  event: planEventSchema,
  step: planStep,
  about: ({ execution }) => ({ execution: execution.id }),
  answer: (state) => state,
});
